package apollotest

import (
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"
	"strings"
)

// portalHandler serves the OpenAPI of the Portal, from 3.0.0 on. It answers as a
// build of June 2026 does, as no release has it yet; but it knows neither roles
// nor users.
func (a *Apollo) portalHandler() http.Handler {
	if a.version.below(3, 0, 0) {
		return a.demand(a.opts.PortalToken, http.NotFoundHandler()) // unverified
	}
	const keys = "/openapi/v1/apps/{app}/envs/{env}/accesskeys"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi/v1/apps", a.listApps)
	mux.HandleFunc("GET "+keys, a.inEnvironment(a.listPortalKeys))
	mux.HandleFunc("POST "+keys, a.inEnvironment(a.byOperator(a.provideKey)))
	mux.HandleFunc("PUT "+keys+"/{id}/activation", a.inEnvironment(a.byOperator(a.enableKey)))
	mux.HandleFunc("PUT "+keys+"/{id}/deactivation", a.inEnvironment(a.byOperator(a.disableKey)))
	mux.HandleFunc("DELETE "+keys+"/{id}", a.inEnvironment(a.byOperator(a.deleteKey)))
	return a.signIn(mux)
}

// signIn sends who has no token, or a wrong one, to the page where people sign in.
func (a *Apollo) signIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/signin" {
			w.Header().Set("Content-Type", "text/html;charset=UTF-8")
			_, _ = io.WriteString(w, "<html></html>") // who has gone reads nothing
			return
		}
		if r.Header.Get("Authorization") != a.opts.PortalToken {
			w.Header().Set("Location", "/signin")
			w.WriteHeader(http.StatusFound)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// showInPortal writes a key as the OpenAPI does: without times.
func (a *Apollo) showInPortal(key Key) keyDTO {
	shown := a.show(key)
	shown.DataChangeCreatedTime, shown.DataChangeLastModifiedTime = "", ""
	return shown
}

func (a *Apollo) listPortalKeys(w http.ResponseWriter, r *http.Request) {
	keys := []keyDTO{}
	for _, key := range a.keys.of(r.PathValue("app")) {
		keys = append(keys, a.showInPortal(key))
	}
	writeJSON(w, http.StatusOK, keys)
}

// inEnvironment refuses environments that this Portal does not have.
func (a *Apollo) inEnvironment(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.EqualFold(r.PathValue("env"), a.opts.Environment) {
			a.badRequest(w, "invalid env format:"+r.PathValue("env"))
			return
		}
		next(w, r)
	}
}

// byOperator demands the parameter that names who acts.
func (a *Apollo) byOperator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("operator") == "" {
			a.badRequest(w, "operator should not be null or empty")
			return
		}
		next(w, r)
	}
}

// provideKey makes a disabled key with a secret of 32 hexadecimal digits: the
// Portal takes none from its callers.
func (a *Apollo) provideKey(w http.ResponseWriter, r *http.Request) {
	app, by := r.PathValue("app"), r.URL.Query().Get("operator")
	if len(a.keys.of(app)) >= maxKeys {
		a.badRequest(w, "AccessKeys count limit exceeded")
		return
	}
	secret := make([]byte, 16)
	_, _ = rand.Read(secret) // it never fails
	writeJSON(w, http.StatusOK, a.showInPortal(a.keys.insert(Key{App: app, Secret: hex.EncodeToString(secret), CreatedBy: by, ModifiedBy: by})))
}
