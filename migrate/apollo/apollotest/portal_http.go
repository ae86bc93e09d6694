package apollotest

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// portalHandler serves the OpenAPI of the Portal, from 3.0.0 on. All its
// answers are unverified: no release has it yet.
func (a *Apollo) portalHandler() http.Handler {
	if a.version.below(3, 0, 0) {
		return a.demand(a.opts.PortalToken, http.NotFoundHandler())
	}
	const keys = "/openapi/v1/apps/{app}/envs/{env}/accesskeys"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /openapi/v1/apps", a.listApps)
	mux.HandleFunc("GET "+keys, a.inEnvironment(a.listKeys))
	mux.HandleFunc("POST "+keys, a.inEnvironment(a.provideKey))
	mux.HandleFunc("PUT "+keys+"/{id}/activation", a.inEnvironment(a.byOperator(a.enableKey)))
	mux.HandleFunc("PUT "+keys+"/{id}/deactivation", a.inEnvironment(a.byOperator(a.disableKey)))
	mux.HandleFunc("DELETE "+keys+"/{id}", a.inEnvironment(a.byOperator(a.deleteKey)))
	return a.demand(a.opts.PortalToken, mux)
}

// inEnvironment refuses environments that this Portal does not have.
func (a *Apollo) inEnvironment(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("env") != a.opts.Environment {
			a.badRequest(w, "env is invalid")
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
	writeJSON(w, http.StatusOK, a.show(a.keys.insert(Key{App: app, Secret: hex.EncodeToString(secret), CreatedBy: by, ModifiedBy: by})))
}
