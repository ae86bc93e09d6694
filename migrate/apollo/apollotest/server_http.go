package apollotest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// A Server is one of the HTTP servers of an environment.
type Server struct {
	URL string

	handler http.Handler
	http    *http.Server
	running sync.WaitGroup

	mu       sync.Mutex
	faults   []*Fault
	requests []string
}

func newServer(ctx context.Context, handler http.Handler) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), handler: handler}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: time.Minute}
	s.running.Go(func() { _ = s.http.Serve(listener) }) // it ends with an error, always
	return s, nil
}

// Stop closes the port and all connections: nobody answers any more.
func (s *Server) Stop() error {
	err := s.http.Close()
	s.running.Wait()
	if err != nil {
		return fmt.Errorf("stop %s: %w", s.URL, err)
	}
	return nil
}

// Requests lists all requests so far, as METHOD and target.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// serve keeps book, and lets a fault have its way.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.RequestURI)
	s.mu.Unlock()
	s.fail(s.match(r), w, r)
}

// close ends all servers and logs.
func (a *Apollo) close() error {
	errs := []error{a.Admin.Stop(), a.Portal.Stop()}
	for _, n := range a.Nodes {
		errs = append(errs, n.Stop(), n.closeLogs())
	}
	return errors.Join(errs...)
}
