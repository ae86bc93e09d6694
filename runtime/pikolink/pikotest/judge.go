package pikotest

import (
	"net/http"
	"slices"
	"strings"
)

// judge says for which endpoint an agent comes, or with which status and
// message it is sent away. The words are those of Piko v0.7.
func (s *Server) judge(r *http.Request) (endpoint string, status int, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r)
	endpoint, found := strings.CutPrefix(r.URL.Path, "/piko/v1/upstream/")
	switch {
	case s.refusal != 0:
		return "", s.refusal, "refused"
	case s.expired[r.Header.Get("Authorization")]:
		return "", http.StatusUnauthorized, "expired token"
	case s.opts.Token != "" && r.Header.Get("Authorization") != "Bearer "+s.opts.Token:
		return "", http.StatusUnauthorized, "invalid token"
	case s.opts.TenantID != "" && r.Header.Get("X-Piko-Tenant-Id") != s.opts.TenantID:
		return "", http.StatusUnauthorized, "unknown tenant"
	case !found || endpoint == "" || strings.Contains(endpoint, "/"):
		return "", http.StatusNotFound, "not found"
	case s.opts.Permits != nil && !slices.Contains(s.opts.Permits, endpoint):
		return "", http.StatusUnauthorized, "endpoint not permitted"
	}
	return endpoint, 0, ""
}
