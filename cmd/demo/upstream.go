package main

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"lockstep/internal/certs"
)

// upstreams are the two services behind the listeners.
type upstreams struct {
	config *upstream // plain HTTP, answers as a small config service
	orders *upstream // HTTPS, with a certificate from a private authority
}

// startUpstreams starts both and writes the authority's certificate to caFile.
func startUpstreams(caFile string) (*upstreams, error) {
	authority, err := certs.NewAuthority(time.Now())
	if err != nil {
		return nil, fmt.Errorf("make a certificate authority: %w", err)
	}
	if err := os.WriteFile(caFile, authority.Root(), 0o600); err != nil {
		return nil, fmt.Errorf("write the authority's certificate: %w", err)
	}
	cert, key, err := authority.Issue("localhost")
	if err != nil {
		return nil, fmt.Errorf("issue a certificate: %w", err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("read the certificate: %w", err)
	}
	config, err := startUpstream(configService, nil)
	if err != nil {
		return nil, err
	}
	orders, err := startUpstream(orderService, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, errors.Join(err, config.server.Close())
	}
	return &upstreams{config: config, orders: orders}, nil
}

func (u *upstreams) close() error {
	return errors.Join(u.config.server.Close(), u.orders.server.Close())
}

// An upstream is one HTTP server on a free port of the loopback interface.
type upstream struct {
	server   *http.Server
	listener net.Listener
}

func startUpstream(handler http.HandlerFunc, config *tls.Config) (*upstream, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // a loopback listener does not wait
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	u := &upstream{server: &http.Server{Handler: handler, TLSConfig: config, ReadHeaderTimeout: time.Second}, listener: listener}
	go func() {
		if config == nil {
			_ = u.server.Serve(listener)
			return
		}
		_ = u.server.ServeTLS(listener, "", "")
	}()
	return u, nil
}

// Addr is where a listener reaches the upstream; the name is the one in its
// certificate.
func (u *upstream) Addr() string {
	return fmt.Sprintf("localhost:%d", u.listener.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // it listens on TCP
}

// configService answers as Apollo's config service does to its clients.
func configService(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"appId": app, "cluster": "default", "namespaceName": "application",
		"configurations": map[string]string{"timeout": "100"}, "releaseKey": "20261121-1",
	})
}

func orderService(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, `{"orders":[]}`) }
