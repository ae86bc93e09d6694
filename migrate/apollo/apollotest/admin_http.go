package apollotest

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// maxKeys is how many keys an app may have in an environment.
const maxKeys = 5

// A keyDTO is a key as the endpoints show it: with its secret.
type keyDTO struct {
	ID                         int64  `json:"id"`
	AppID                      string `json:"appId"`
	Secret                     string `json:"secret"`
	Mode                       *Mode  `json:"mode,omitempty"` // since 2.4
	Enabled                    bool   `json:"enabled"`
	DataChangeCreatedBy        string `json:"dataChangeCreatedBy"`
	DataChangeLastModifiedBy   string `json:"dataChangeLastModifiedBy"`
	DataChangeCreatedTime      string `json:"dataChangeCreatedTime,omitempty"`
	DataChangeLastModifiedTime string `json:"dataChangeLastModifiedTime,omitempty"`
}

// show writes a key as the endpoints do.
func (a *Apollo) show(key Key) keyDTO {
	created, changed := key.Created.In(a.opts.Zone).Format(stamp), key.LastTime.In(a.opts.Zone).Format(stamp)
	mode := &key.Mode
	if a.version.below(2, 4, 0) {
		mode = nil
	}
	return keyDTO{key.ID, key.App, key.Secret, mode, key.Enabled, key.CreatedBy, key.ModifiedBy, created, changed}
}

// adminHandler serves the endpoints of AdminService.
func (a *Apollo) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apollo/version", a.showVersion)
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("GET /apps", a.listApps)
	mux.HandleFunc("POST /apps", a.createApp)
	mux.HandleFunc("GET /apps/{app}", a.getApp)
	mux.HandleFunc("GET /apps/{app}/accesskeys", a.listKeys)
	mux.HandleFunc("POST /apps/{app}/accesskeys", a.createKey)
	mux.HandleFunc("PUT /apps/{app}/accesskeys/{id}/enable", a.enableKey)
	mux.HandleFunc("PUT /apps/{app}/accesskeys/{id}/disable", a.disableKey)
	mux.HandleFunc("DELETE /apps/{app}/accesskeys/{id}", a.deleteKey)
	mux.HandleFunc("/", a.unknown)
	return a.demand(a.opts.AdminToken, mux)
}

// demand lets pass who has the token; an empty one is not asked for, and two
// paths need none.
func (a *Apollo) demand(token string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		exempt := r.URL.Path == "/apollo/version" || r.URL.Path == "/health"
		if token != "" && !exempt && r.Header.Get("Authorization") != token {
			a.fail(w, r, http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// fail answers as Spring Boot does to sendError.
func (a *Apollo) fail(w http.ResponseWriter, r *http.Request, status int) {
	writeJSON(w, status, springError{a.now().Format(stamp), status, http.StatusText(status), rawPath(r)})
}

// unknown answers for paths, and methods, that no controller serves.
func (a *Apollo) unknown(w http.ResponseWriter, r *http.Request) {
	a.fail(w, r, http.StatusNotFound)
}

// health is what Spring's actuator says.
func health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/vnd.spring-boot.actuator.v3+json;charset=UTF-8")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, `{"status":"UP"}`) // who has gone reads nothing
}

// now is the time as the services see it.
func (a *Apollo) now() time.Time { return a.opts.Now().In(a.opts.Zone) }

// refuse answers as Apollo's GlobalDefaultExceptionHandler does.
func (a *Apollo) refuse(w http.ResponseWriter, status int, exception, message string) {
	writeJSON(w, status, map[string]any{
		"status": status, "message": message, "timestamp": a.now().Format("2006-01-02T15:04:05.999999999"), "exception": exception,
	})
}

func (a *Apollo) badRequest(w http.ResponseWriter, message string) {
	a.refuse(w, http.StatusBadRequest, "com.ctrip.framework.apollo.common.exception.BadRequestException", message)
}

// broken answers 500: the database, or Spring, has refused the values.
func (a *Apollo) broken(w http.ResponseWriter, message string) {
	a.refuse(w, http.StatusInternalServerError, "org.springframework.dao.DataIntegrityViolationException", message)
}

// showVersion tells the version, whoever asks.
func (a *Apollo) showVersion(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain;charset=ISO-8859-1")
	_, _ = io.WriteString(w, "java-"+a.opts.Version) // who has gone reads nothing
}

func (a *Apollo) listKeys(w http.ResponseWriter, r *http.Request) {
	keys := []keyDTO{}
	for _, key := range a.keys.of(r.PathValue("app")) {
		keys = append(keys, a.show(key))
	}
	writeJSON(w, http.StatusOK, keys)
}

// createKey takes what the body says, also a key that is enabled at once, and
// asks neither whether there is such an app nor whether the secret is empty.
func (a *Apollo) createKey(w http.ResponseWriter, r *http.Request) {
	var dto struct {
		Secret, DataChangeCreatedBy *string
		Mode                        Mode
		Enabled                     bool
	}
	if err := json.NewDecoder(r.Body).Decode(&dto); err != nil || dto.Secret == nil || dto.DataChangeCreatedBy == nil {
		a.broken(w, "Column cannot be null")
		return
	}
	app, by := r.PathValue("app"), *dto.DataChangeCreatedBy
	keys := a.keys.of(app)
	switch {
	case len(keys) >= maxKeys:
		a.badRequest(w, "AccessKeys count limit exceeded")
	case slices.ContainsFunc(keys, func(key Key) bool { return key.Secret == *dto.Secret }):
		a.broken(w, "Duplicate entry '"+app+"-"+*dto.Secret+"-0' for key 'UK_AppId_Secret_DeletedAt'") // the real one prints it too
	default:
		key := a.keys.insert(Key{App: app, Secret: *dto.Secret, Mode: dto.Mode, Enabled: dto.Enabled, CreatedBy: by, ModifiedBy: by})
		key.Created, key.LastTime = a.now(), a.now() // with milliseconds, which the table does not keep
		writeJSON(w, http.StatusOK, a.show(key))
	}
}

// enableKey sets the mode too: without one, that is 0, which enforces. Any
// number is taken. Before 2.4 the parameter does not exist, and is ignored.
func (a *Apollo) enableKey(w http.ResponseWriter, r *http.Request) {
	mode := 0
	if text := r.URL.Query().Get("mode"); text != "" && !a.version.below(2, 4, 0) {
		var err error
		if mode, err = strconv.Atoi(text); err != nil {
			a.mistyped(w)
			return
		}
	}
	a.switchKey(w, r, true, Mode(mode))
}

// disableKey puts the mode back to 0.
func (a *Apollo) disableKey(w http.ResponseWriter, r *http.Request) { a.switchKey(w, r, false, Filter) }

func (a *Apollo) switchKey(w http.ResponseWriter, r *http.Request, enabled bool, mode Mode) {
	id, ok := a.idOf(w, r)
	if !ok {
		return
	}
	found := a.keys.update(r.PathValue("app"), id, func(key *Key) {
		key.Enabled, key.Mode, key.ModifiedBy = enabled, mode, r.URL.Query().Get("operator")
	})
	if !found {
		a.badRequest(w, "accessKey not exist.")
	}
}

func (a *Apollo) deleteKey(w http.ResponseWriter, r *http.Request) {
	id, ok := a.idOf(w, r)
	if !ok {
		return
	}
	key, ok := a.keys.find(r.PathValue("app"), id)
	switch {
	case !ok:
		a.badRequest(w, "accessKey not exist.")
	case key.Enabled:
		a.badRequest(w, "AccessKey should disable first")
	default:
		a.keys.remove(key.ID)
	}
}

// idOf is the key's id in the path. It has answered the request if that is no
// number, or if nobody says who acts, without which no audit can be written.
func (a *Apollo) idOf(w http.ResponseWriter, r *http.Request) (id int64, ok bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	switch {
	case err != nil:
		a.mistyped(w)
	case !r.URL.Query().Has("operator"):
		a.broken(w, "Column 'DataChange_CreatedBy' cannot be null")
	default:
		return id, true
	}
	return 0, false
}

func (a *Apollo) mistyped(w http.ResponseWriter) {
	a.refuse(w, http.StatusInternalServerError,
		"org.springframework.web.method.annotation.MethodArgumentTypeMismatchException", "Failed to convert value")
}
