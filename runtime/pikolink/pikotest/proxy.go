package pikotest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"

	"github.com/gorilla/websocket"
)

var errNoUpstream = errors.New("no available upstreams")

// handler is the proxy port: the header x-piko-endpoint or the first label of
// Host says for which endpoint a request is, and each has a stream of its own.
func (s *Server) handler() http.Handler {
	return &httputil.ReverseProxy{
		Director: func(r *http.Request) { //nolint:staticcheck // as Piko does it, which shows in what arrives
			endpoint := r.Header.Get("X-Piko-Endpoint")
			if endpoint == "" {
				endpoint, _, _ = strings.Cut(r.Host, ".")
			}
			r.URL.Scheme, r.URL.Host = "http", endpoint
			r.Header.Set("X-Piko-Forward", "true")
		},
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
				endpoint, _, err := net.SplitHostPort(addr)
				if err != nil {
					return nil, err //nolint:wrapcheck // a test reads it
				}
				return s.Dial(ctx, endpoint)
			},
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			message := "upstream unreachable"
			if errors.Is(err, errNoUpstream) {
				message = err.Error()
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadGateway)
			_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
		},
	}
}

// messages is the stream of bytes in the binary messages of a WebSocket.
type messages struct {
	*websocket.Conn
	rest io.Reader
}

// Read implements [io.Reader].
func (m *messages) Read(p []byte) (int, error) {
	for {
		if m.rest == nil {
			_, r, err := m.NextReader()
			if err != nil {
				return 0, err //nolint:wrapcheck // yamux ends with it
			}
			m.rest = r
		}
		n, err := m.rest.Read(p)
		if err == io.EOF {
			m.rest, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, err //nolint:wrapcheck // yamux ends with it
		}
	}
}

// Write implements [io.Writer].
func (m *messages) Write(p []byte) (int, error) {
	return len(p), m.WriteMessage(websocket.BinaryMessage, p)
}
