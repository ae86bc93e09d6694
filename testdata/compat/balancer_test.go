package compat

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"sync"
	"testing"
)

// A balancer stands in front of lockstep, as one does in production: its
// address is the public one, it says which endpoint a request is for, and it
// sees every answer.
type balancer struct {
	*httptest.Server

	mu       sync.Mutex
	backend  string                 // of lockstep, host and port
	statuses map[string]map[int]int // answers by app and status
}

// The app of a request.
var appOfTarget = regexp.MustCompile(`^/(?:configs/|notifications/v2\?appId=|services/config\?appId=)([a-z-]+)`)

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{statuses: map[string]map[int]int{}}
	b.Server = httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			b.mu.Lock()
			defer b.mu.Unlock()
			p.Out.URL = &url.URL{Scheme: "http", Host: b.backend, Opaque: p.In.RequestURI} // signed as it came
			p.Out.Header.Set("X-Piko-Endpoint", "apollo")
			p.SetXForwarded()
		},
		ModifyResponse: func(answer *http.Response) error {
			b.note(answer.Request.URL.Opaque, answer.StatusCode)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
			if r.Context().Err() == nil { // else the client has gone
				b.note(r.RequestURI, http.StatusBadGateway)
			}
			w.WriteHeader(http.StatusBadGateway)
		},
	})
	t.Cleanup(b.Close)
	return b
}

// note counts an answer. The list of config services may be asked for without
// an app, and counts under the empty one.
func (b *balancer) note(target string, status int) {
	app := ""
	if m := appOfTarget.FindStringSubmatch(target); m != nil {
		app = m[1]
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.statuses[app] == nil {
		b.statuses[app] = map[int]int{}
	}
	b.statuses[app][status]++
}

// answered is how often each status was the answer to an app.
func (b *balancer) answered(app string) map[int]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.statuses[app])
}
