package admin

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"lockstep/schemas"
)

// Options say where a [Server] listens and who may ask.
type Options struct {
	Addr    string // unix:PATH or host:port
	Control Control
	Logger  *slog.Logger

	// Of TCP alone, where one of them is needed. Both are asked each time, so
	// that a token and certificates are replaced without a restart.
	Token func() (schemas.Secret, error)
	TLS   func() (*tls.Config, error)
}

// How long a caller may take. A reload waits for files that are half written,
// and an upstream's answer is not waited for.
const (
	readTimeout  = 10 * time.Second
	writeTimeout = time.Minute
)

// A Server is an admin address in use.
type Server struct {
	listener net.Listener
	server   *http.Server
	done     chan struct{}
	socket   *socket // nil for TCP
	cut      context.CancelFunc
}

// Listen opens the address and serves it until [Server.Stop].
func Listen(ctx context.Context, opts Options) (*Server, error) {
	s := &Server{done: make(chan struct{})}
	guard := &guard{next: newRoutes(opts.Control)}
	if err := s.open(ctx, &opts, guard); err != nil {
		return nil, fmt.Errorf("admin %s: %w", opts.Addr, err)
	}
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	s.cut = cut
	s.server = &http.Server{
		Handler: guard, BaseContext: func(net.Listener) context.Context { return base }, ConnContext: withCaller,
		ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: writeTimeout, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(opts.Logger.Handler(), slog.LevelWarn),
	}
	go func() {
		defer close(s.done)
		if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			opts.Logger.Error("the admin address is no longer served", "error", err)
		}
	}()
	return s, nil
}

// open binds the address.
func (s *Server) open(ctx context.Context, opts *Options, g *guard) error {
	if path, isSocket := strings.CutPrefix(opts.Addr, "unix:"); isSocket {
		g.socket = true
		var err error
		if s.socket, err = listenUnix(ctx, path); err == nil {
			s.listener = s.socket
		}
		return err
	}
	config, err := opts.protect(g)
	if err != nil {
		return err
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", opts.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if s.listener = ln; config != nil {
		s.listener = tls.NewListener(ln, config)
	}
	return nil
}

// protect sets up who may ask over TCP. A token is nothing that others on the
// way may read.
func (o *Options) protect(g *guard) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, schemas.Hint(errors.New("neither unix:PATH nor host:port"), "write it as in unix:/run/lockstep.sock")
	}
	g.host, g.token = host, o.Token
	if o.Token != nil {
		if _, err := o.Token(); err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
	}
	if o.TLS == nil {
		switch ip, err := netip.ParseAddr(host); {
		case o.Token == nil:
			return nil, schemas.Hint(errors.New("everybody who can reach it could act"),
				"use unix:PATH, or set runtime.admin.token or client_ca in the policy")
		case host != "localhost" && (err != nil || !ip.IsLoopback()):
			return nil, schemas.Hint(errors.New("others on the way could read the token"),
				"set runtime.admin.cert and key in the policy, or listen on 127.0.0.1")
		}
		return nil, nil //nolint:nilnil // plain HTTP on this machine
	}
	config, err := o.TLS()
	if err != nil {
		return nil, err
	}
	if o.Token == nil && config.ClientAuth != tls.RequireAndVerifyClientCert {
		return nil, schemas.Hint(errors.New("everybody who can reach it could act"), "set runtime.admin.client_ca or token in the policy")
	}
	g.leaf = func() *x509.Certificate {
		if config, err := o.TLS(); err == nil && len(config.Certificates) > 0 {
			return config.Certificates[0].Leaf
		}
		return nil
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return o.TLS() },
	}, nil
}

// Addr is where the server listens: unix:PATH or host:port.
func (s *Server) Addr() string {
	if s.socket != nil {
		return "unix:" + s.socket.path
	}
	return s.listener.Addr().String()
}

// Stop answers nobody any more, waits until ctx ends for who has asked, and
// removes a socket.
func (s *Server) Stop(ctx context.Context) error {
	defer s.cut()
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(fmt.Errorf("callers were cut off: %w", err), s.server.Close())
	}
	<-s.done
	if s.socket != nil {
		err = errors.Join(err, s.socket.remove())
	}
	return err
}

// callerKey is that of the caller in a context.
type callerKey struct{}

// withCaller notes who has connected: through a socket the kernel knows.
func withCaller(ctx context.Context, conn net.Conn) context.Context {
	name := conn.RemoteAddr().String()
	if unix, ok := conn.(*net.UnixConn); ok {
		name = "a local user"
		if raw, err := unix.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				if peer, err := syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED); err == nil {
					name = fmt.Sprintf("uid %d", peer.Uid)
				}
			})
		}
	}
	return context.WithValue(ctx, callerKey{}, name)
}

// caller is how the caller is known.
func caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}
