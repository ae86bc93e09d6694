package runtime

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// serveOps opens the address for operators. It never shares one with the
// ingress: what it says is not for callers.
func (s *Server) serveOps(ctx context.Context) error {
	addr := s.opsAddr()
	if addr == "" {
		return nil
	}
	l, err := listen(ctx, addr, s.opts.Logger)
	switch {
	case err != nil && s.opts.Metrics == "":
		return fmt.Errorf("server.bind_addr of the config: %w", err)
	case err != nil:
		return fmt.Errorf("metrics: %w", err)
	}
	s.ops = l
	done := l.serve(s.opsHandler(), s.opts.Logger)
	s.onStop("metrics", func(ctx context.Context) error {
		err := l.stop(ctx)
		<-done
		return err
	})
	return nil
}

// opsAddr is the address for operators: that of the options, or that of the
// agent's server in the place of an agent. Empty if there is none.
func (s *Server) opsAddr() string {
	if s.opts.Metrics != "" {
		return s.opts.Metrics
	}
	return s.current.Load().server
}

func (s *Server) opsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		// A bad edit does not count: the last good version serves as before.
		if !s.ready.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "not ready\n")
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	return mux
}
