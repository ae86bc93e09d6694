// Package pikotest stands in for a Piko server in tests: it takes agents at
// its upstream port as v0.7 and v0.9 do, and leads requests to them.
package pikotest

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/hashicorp/yamux"
)

// Options are what agents have to show, and how they are taken.
type Options struct {
	Token    string   // that agents have to bear; empty: none
	Permits  []string // the endpoints that the token permits; nil: all
	TenantID string   // that agents have to name; empty: any
	Addr     string   // of the upstream port; empty: a free one on loopback
	TLS      bool     // the upstream port speaks TLS, with a certificate for 127.0.0.1 and example.com
}

// A Server is a running stand-in.
type Server struct {
	URL   string // of the upstream port, for connect.url
	Proxy string // of the proxy port, for clients

	opts     Options
	upstream *httptest.Server
	proxy    *httptest.Server

	mu       sync.Mutex
	stopped  bool
	refusal  int // status that agents get; 0: they are taken
	asked    []*http.Request
	sessions map[string][]*yamux.Session // by endpoint, in turn
	bearers  map[*yamux.Session]string   // the Authorization header that each was begun with
	expired  map[string]bool             // those that have ended
}

// Start starts a server, which is stopped at the end of the test.
func Start(tb testing.TB, opts Options) *Server {
	tb.Helper()
	s := &Server{opts: opts, sessions: map[string][]*yamux.Session{}, bearers: map[*yamux.Session]string{}, expired: map[string]bool{}}
	s.upstream = httptest.NewUnstartedServer(http.HandlerFunc(s.register))
	if opts.Addr != "" {
		err := s.upstream.Listener.Close()
		if err != nil {
			tb.Fatal(err)
		}
		if s.upstream.Listener, err = new(net.ListenConfig).Listen(tb.Context(), "tcp", opts.Addr); err != nil {
			tb.Fatal(err)
		}
	}
	if opts.TLS {
		s.upstream.StartTLS()
	} else {
		s.upstream.Start()
	}
	s.proxy = httptest.NewServer(s.handler())
	s.URL, s.Proxy = s.upstream.URL, s.proxy.URL
	tb.Cleanup(s.Stop)
	return s
}

// Stop ends the server and all sessions at once, as a kill does.
func (s *Server) Stop() {
	s.upstream.Close()
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	s.Rebalance()
	s.proxy.Close()
}

// Certificate is what the upstream port shows, nil if it speaks no TLS.
func (s *Server) Certificate() *x509.Certificate { return s.upstream.Certificate() }

// Addr is the address of the upstream port.
func (s *Server) Addr() string { return s.upstream.Listener.Addr().String() }

// Refuse has agents that come from now on get a status; 0 takes them again.
func (s *Server) Refuse(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = status
}

// Asked are the requests of agents so far.
func (s *Server) Asked() []*http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// Sessions is how many agents serve an endpoint now.
func (s *Server) Sessions(endpoint string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions[endpoint])
}

// Rebalance closes all sessions, as a Piko server does that has too many.
func (s *Server) Rebalance() {
	for _, session := range s.all() {
		_ = session.Close()
	}
}

// Expire refuses a token from now on, and closes the sessions that were begun
// with it, as a Piko server does when its time has come.
func (s *Server) Expire(token string) {
	s.mu.Lock()
	header, ended := "Bearer "+token, []*yamux.Session{}
	s.expired[header] = true
	for session, bearer := range s.bearers {
		if bearer == header {
			ended = append(ended, session)
		}
	}
	s.mu.Unlock()
	for _, session := range ended {
		_ = session.Close()
	}
}

// GoAway announces on all sessions that no more streams will be opened.
func (s *Server) GoAway() {
	for _, session := range s.all() {
		_ = session.GoAway()
		s.remove(session)
	}
}

func (s *Server) all() []*yamux.Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*yamux.Session
	for _, sessions := range s.sessions {
		all = append(all, sessions...)
	}
	return all
}

// Dial opens a stream of an endpoint, as for a TCP client.
func (s *Server) Dial(_ context.Context, endpoint string) (net.Conn, error) {
	s.mu.Lock()
	sessions := s.sessions[endpoint]
	if len(sessions) == 0 {
		s.mu.Unlock()
		return nil, errNoUpstream
	}
	session := sessions[0]
	s.sessions[endpoint] = append(slices.Clone(sessions[1:]), session)
	s.mu.Unlock()
	c, err := session.OpenStream()
	if err == yamux.ErrRemoteGoAway { //nolint:errorlint // it is never wrapped
		s.remove(session)
	}
	return c, err //nolint:wrapcheck // a test reads it
}

// register takes an agent, or tells it why not.
func (s *Server) register(w http.ResponseWriter, r *http.Request) {
	endpoint, status, message := s.judge(r)
	if status != 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": message})
		return
	}
	ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
	if err != nil {
		return // the upgrader has answered
	}
	config := yamux.DefaultConfig()
	config.LogOutput = io.Discard
	session, err := yamux.Server(&messages{Conn: ws}, config)
	if err != nil {
		return
	}
	defer session.Close()
	defer s.remove(session)
	if !s.add(endpoint, session, r.Header.Get("Authorization")) {
		return
	}
	_, _ = session.AcceptStream() // agents open none, so it waits for the end
}

// add reports whether the session may go on.
func (s *Server) add(endpoint string, session *yamux.Session, bearer string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bearers[session] = bearer
	s.sessions[endpoint] = append(s.sessions[endpoint], session)
	return !s.stopped
}

func (s *Server) remove(session *yamux.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bearers, session)
	for endpoint, sessions := range s.sessions {
		s.sessions[endpoint] = slices.DeleteFunc(slices.Clone(sessions), func(other *yamux.Session) bool { return other == session })
	}
}
