package runtime

import (
	"log/slog"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"time"

	"lockstep/schemas"
)

// access writes a line for each request of a listener, as access_log of its
// config asks for. The fields are those of the Piko agent, but that headers
// are a list and what lets somebody in is not shown.
type access struct {
	logger            *slog.Logger
	endpoint          string
	level             slog.Level
	request, response headerFilter
}

// newAccess is nil for a listener whose requests are not logged.
func newAccess(l *schemas.Listener, logger *slog.Logger) *access {
	if l.AccessLog.Disable {
		return nil
	}
	return &access{
		logger: logger, endpoint: l.EndpointID, level: levelOf(l.AccessLog.Level),
		request: newHeaderFilter(l.AccessLog.RequestHeaders), response: newHeaderFilter(l.AccessLog.ResponseHeaders),
	}
}

// levelOf reads a level of a Piko config; what is none is info there.
func levelOf(name string) slog.Level {
	switch name {
	case "debug":
		return slog.LevelDebug
	case "warn":
		return slog.LevelWarn
	case "error":
		return slog.LevelError
	default:
		return slog.LevelInfo
	}
}

// follow has a request logged by done, which says how it was answered.
func (a *access) follow(w http.ResponseWriter, r *http.Request, now func() time.Time) (logged http.ResponseWriter, done func()) {
	answer, began := &loggedAnswer{ResponseWriter: w}, now()
	return answer, func() { a.log(r, answer, now().Sub(began)) }
}

// log writes the line. As at Piko's agent, an answer of 500 or above is worth
// a warning at least.
func (a *access) log(r *http.Request, w *loggedAnswer, took time.Duration) {
	level, status := a.level, w.status
	if status == 0 { // nobody said otherwise
		status = http.StatusOK
	}
	if status >= http.StatusInternalServerError {
		level = max(level, slog.LevelWarn)
	}
	if !a.logger.Enabled(r.Context(), level) {
		return
	}
	a.logger.LogAttrs(r.Context(), level, "request",
		slog.String("endpoint", a.endpoint), slog.String("proto", r.Proto), slog.String("method", cleanName(r.Method)),
		slog.String("host", cleanName(r.Host)), slog.String("path", cleanName(r.URL.Path)),
		slog.Any("request_headers", a.request.shown(r.Header)), slog.Any("response_headers", a.response.shown(w.Header())),
		slog.Int("status", status), slog.String("duration", took.String()))
}

// headerFilter says which headers are logged.
type headerFilter struct{ allow, block map[string]bool }

func newHeaderFilter(f schemas.HeaderFilter) headerFilter {
	return headerFilter{canonical(f.AllowList), canonical(f.BlockList)}
}

func canonical(names []string) map[string]bool {
	all := make(map[string]bool, len(names))
	for _, name := range names {
		all[textproto.CanonicalMIMEHeaderKey(name)] = true
	}
	return all
}

// shown are headers as "Name: value", safe to print.
func (f headerFilter) shown(header http.Header) []string {
	lines := make([]string, 0, len(header))
	for _, name := range slices.Sorted(maps.Keys(header)) {
		if len(f.allow) > 0 && !f.allow[name] || f.block[name] {
			continue
		}
		for _, value := range header[name] {
			if f.secret(name) {
				value = "[secret]"
			}
			lines = append(lines, cleanName(name)+": "+cleanName(value))
		}
	}
	return lines
}

// secret reports whether a header lets whoever reads it in. Signatures and
// tokens are never shown, cookies only if allow_list names them.
func (f headerFilter) secret(name string) bool {
	switch name {
	case "Authorization", "Proxy-Authorization", "X-Piko-Authorization":
		return true
	case "Cookie", "Set-Cookie":
		return !f.allow[name]
	default:
		return false
	}
}

// loggedAnswer remembers the status of an answer.
type loggedAnswer struct {
	http.ResponseWriter
	status int // 0 before it begins
}

// WriteHeader implements [http.ResponseWriter].
func (a *loggedAnswer) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap serves [http.ResponseController].
func (a *loggedAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
