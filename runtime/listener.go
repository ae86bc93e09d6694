package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"lockstep/schemas"
)

// listener is an HTTP server on an address of its own.
type listener struct {
	net.Listener // nil: it has none
	server       *http.Server
	base         context.Context    // of requests
	cut          context.CancelFunc // ends what a shutdown does not wait for
}

// How long a client may take, where nothing else says.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// listen binds addr, unless it is empty; nothing is accepted before serve.
func listen(ctx context.Context, addr string, logger *slog.Logger) (*listener, error) {
	var ln net.Listener
	if addr != "" {
		var err error
		if ln, err = (&net.ListenConfig{}).Listen(ctx, "tcp", addr); err != nil {
			return nil, unlistenable(err)
		}
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &listener{Listener: ln, base: base, cut: cut, server: &http.Server{
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		Protocols:         protocols,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		// OPTIONS * is for the handler to refuse like any other odd target.
		DisableGeneralOptionsHandler: true,
	}}, nil
}

// unlistenable says what to do about an address that cannot be had.
func unlistenable(err error) error {
	_, misspelt := errors.AsType[*net.AddrError](err)
	switch {
	case misspelt:
		return schemas.Hint(err, "write it as in 127.0.0.1:8080")
	case errors.Is(err, syscall.EADDRINUSE):
		return schemas.Hint(err, "stop what listens there, or name another address")
	case errors.Is(err, syscall.EACCES):
		return schemas.Hint(err, "name a port from 1024 on, or give the process CAP_NET_BIND_SERVICE")
	}
	return err
}

func (l *listener) addr() string {
	if l.Listener == nil {
		return ""
	}
	return l.Addr().String()
}

// serve accepts connections until the listener is closed; done is closed then.
func (l *listener) serve(handler http.Handler, logger *slog.Logger) (done <-chan struct{}) {
	l.server.Handler = handler
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if l.Listener != nil {
			l.accept(l.Listener, logger)
		}
	}()
	return closed
}

// accept serves connections of a listener until it is closed.
func (l *listener) accept(from net.Listener, logger *slog.Logger) {
	if err := l.server.Serve(from); !errors.Is(err, http.ErrServerClosed) {
		logger.Error("no longer accepting connections", "addr", from.Addr().String(), "error", err)
	}
}

// stop takes no more requests and waits until ctx ends for those under way.
func (l *listener) stop(ctx context.Context) error {
	defer l.cut()
	if err := l.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off: %w", err), l.server.Close())
	}
	return nil
}
