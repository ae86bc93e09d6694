package runtime

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// listener is an HTTP server on an address of its own.
type listener struct {
	net.Listener
	server *http.Server
	cut    context.CancelFunc // ends what a shutdown does not wait for
}

// How long a client may take, where nothing else says.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// listen binds addr; nothing is accepted before serve.
func listen(ctx context.Context, addr string, logger *slog.Logger) (*listener, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &listener{Listener: ln, cut: cut, server: &http.Server{
		BaseContext:       func(net.Listener) context.Context { return base },
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		Protocols:         protocols,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
		// OPTIONS * is for the handler to refuse like any other odd target.
		DisableGeneralOptionsHandler: true,
	}}, nil
}

func (l *listener) addr() string { return l.Addr().String() }

// serve accepts connections until the listener is closed; done is closed then.
func (l *listener) serve(handler http.Handler, logger *slog.Logger) (done <-chan struct{}) {
	l.server.Handler = handler
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		if err := l.server.Serve(l.Listener); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("no longer accepting connections", "addr", l.addr(), "error", err)
		}
	}()
	return closed
}

// stop takes no more requests and waits until ctx ends for those under way.
func (l *listener) stop(ctx context.Context) error {
	defer l.cut()
	if err := l.server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests were cut off: %w", err), l.server.Close())
	}
	return nil
}
