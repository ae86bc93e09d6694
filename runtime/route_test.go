package runtime

import (
	"net/http"
	"testing"
)

// TestEndpointID has the cases in which a Piko server finds an endpoint id.
func TestEndpointID(t *testing.T) {
	t.Parallel()
	tests := []struct{ header, host, want string }{
		{"", "svc.example.com", "svc"},
		{"", "svc.example.com:8080", "svc"},
		{"", "svc.", "svc"},
		{"", ".svc", ""},
		{"", "localhost", ""},
		{"", "localhost:8080", ""},
		{"", "10.0.0.1", ""},
		{"", "10.0.0.1:8080", ""},
		{"", "[::1]:8080", ""},
		{"", "", ""},
		{"", "a:b:c.d", "a:b:c"},
		{"other", "svc.example.com", "other"},
		{"other", "10.0.0.1", "other"},
	}
	for _, test := range tests {
		r := &http.Request{Host: test.host, Header: http.Header{}}
		if test.header != "" {
			r.Header.Set("x-piko-endpoint", test.header)
		}
		if got := endpointID(r); got != test.want {
			t.Errorf("header %q, host %q: %q, want %q", test.header, test.host, got, test.want)
		}
	}
}

// TestNoRoute answers as a Piko server does.
func TestNoRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "8080").start()
	tests := map[string]struct {
		status int
		body   string
	}{
		"":        {http.StatusBadRequest, `{"error":"missing endpoint id"}` + "\n"},
		"nowhere": {http.StatusBadGateway, `{"error":"no available upstreams"}` + "\n"},
	}
	for endpoint, want := range tests {
		if status, body := w.send(http.MethodGet, endpoint, "/"); status != want.status || body != want.body {
			t.Errorf("%q: %d %q, want %+v", endpoint, status, body, want)
		}
	}
}
