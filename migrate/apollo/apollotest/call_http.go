package apollotest

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// A call is one request to a node and its answer.
type call struct {
	http.ResponseWriter

	r      *http.Request
	path   string // as a servlet sees it
	at     time.Time
	thread string
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (c *call) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

func (c *call) json(status int, value any) { writeJSON(c, status, value) }

// fail answers as Spring Boot does to sendError: it keeps the message to
// itself (server.error.include-message is never, since 2.3).
func (c *call) fail(status int) {
	c.json(status, springError{c.at.Format(stamp), status, http.StatusText(status), rawPath(c.r)})
}

// rawPath is the path of a request as it was sent.
func rawPath(r *http.Request) string {
	raw, _, _ := strings.Cut(r.RequestURI, "?")
	return raw
}

// stamp is how Gson writes times for Apollo, in the zone of the service.
const stamp = "2006-01-02T15:04:05.000-0700"

// A springError is the body of an error that Spring Boot words.
type springError struct {
	Timestamp string `json:"timestamp"`
	Status    int    `json:"status"`
	Error     string `json:"error"`
	Path      string `json:"path"`
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value) // who has gone reads nothing
}

// servletPath is the path without parameters, decoded, with its dot segments
// resolved. Tomcat refuses a path with an encoded slash, or a backslash.
func servletPath(target string) (string, bool) {
	raw, _, _ := strings.Cut(target, "?")
	var segments []string
	for segment := range strings.SplitSeq(raw, "/") {
		segment, _, _ = strings.Cut(segment, ";")
		decoded, err := url.PathUnescape(segment)
		if err != nil || strings.ContainsAny(decoded, "/\\\x00") {
			return "", false
		}
		segments = append(segments, decoded)
	}
	joined := strings.Join(segments, "/")
	clean := path.Clean("/" + joined)
	if strings.HasSuffix(joined, "/") && clean != "/" {
		clean += "/"
	}
	return clean, strings.HasPrefix(raw, "/")
}

// clientIP is the first element of X-Forwarded-For that is not blank, which
// nobody checks, or else the peer. ok is false where Apollo throws: a header
// of nothing but commas and blanks.
func (c *call) clientIP() (ip string, ok bool) {
	forwarded := c.r.Header.Get("X-Forwarded-For")
	for element := range strings.SplitSeq(forwarded, ",") {
		if element = strings.TrimSpace(element); element != "" {
			return element, true
		}
	}
	return c.peer(), forwarded == ""
}

func (c *call) peer() string {
	host, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		return c.r.RemoteAddr
	}
	return host
}

// accessLine is a line of Tomcat's AccessLogValve with the pattern
// %{begin:msec}t %a "%{X-Forwarded-For}i" "%r" %s "%{Timestamp}i"
// "%{Authorization}i" "%{User-Agent}i". How it escapes quotes is unverified.
func (c *call) accessLine() string {
	quoted := func(name string) string {
		value := c.r.Header.Get(name)
		if value == "" {
			value = "-"
		}
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value) + `"`
	}
	return fmt.Sprintf("%d %s %s \"%s %s %s\" %d %s %s %s\n", c.at.UnixMilli(), c.peer(), quoted("X-Forwarded-For"),
		c.r.Method, c.r.RequestURI, c.r.Proto, c.status, quoted("Timestamp"), quoted("Authorization"), quoted("User-Agent"))
}
