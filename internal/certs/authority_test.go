package certs_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// issued is an authority with one certificate, as files for a client and as
// a configuration for a server that demands a client certificate.
func issued(t *testing.T, now time.Time, hosts ...string) (schemas.TLS, *tls.Config) {
	t.Helper()
	authority, err := certs.NewAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := authority.Issue(hosts...)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := schemas.TLS{
		Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), RootCAs: filepath.Join(dir, "root.pem"),
	}
	for path, content := range map[string][]byte{files.Cert: cert, files.Key: key, files.RootCAs: authority.Root()} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := certs.ClientConfig(files, inputfile.Read)
	if err != nil {
		t.Fatal(err)
	}
	return files, &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: config.Certificates,
		ClientCAs: config.RootCAs, ClientAuth: tls.RequireAndVerifyClientCert,
	}
}

// handshake reports how a client with these files gets on with the server.
func handshake(t *testing.T, files schemas.TLS, host string, server *tls.Config) error {
	t.Helper()
	config, err := certs.ClientConfig(files, inputfile.Read)
	if err != nil {
		t.Fatal(err)
	}
	config.ServerName = host
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			defer conn.Close()
			err = tls.Server(conn, server).HandshakeContext(ctx)
		}
		done <- err
	}()
	conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", listener.Addr().String())
	if err == nil {
		defer conn.Close()
		return <-done // in TLS 1.3 the client is through before the server has seen its certificate
	}
	return errors.Join(err, <-done)
}

// TestHandshake lets the loaded files prove themselves on a connection.
func TestHandshake(t *testing.T) {
	t.Parallel()
	now := time.Now()
	files, server := issued(t, now, "localhost", "127.0.0.1", "::1")
	others, _ := issued(t, now, "localhost")
	expired, expiredServer := issued(t, now.AddDate(-1, 0, 0), "localhost")
	change := func(files schemas.TLS, edit func(*schemas.TLS)) schemas.TLS {
		edit(&files)
		return files
	}
	for name, c := range map[string]struct {
		files  schemas.TLS
		host   string
		server *tls.Config
		want   string
	}{
		"name":         {files, "localhost", server, ""},
		"address":      {files, "127.0.0.1", server, ""},
		"ipv6":         {files, "::1", server, ""},
		"other name":   {files, "example.org", server, "not example.org"},
		"other root":   {others, "localhost", server, "unknown authority"},
		"system roots": {change(files, func(f *schemas.TLS) { f.RootCAs = "" }), "localhost", server, "unknown authority"},
		"no cert":      {change(files, func(f *schemas.TLS) { f.Cert = "" }), "localhost", server, "didn't provide a certificate"},
		"expired":      {expired, "localhost", expiredServer, "expired"},
		"skip verify": {change(files, func(f *schemas.TLS) {
			f.RootCAs, f.InsecureSkipVerify = "", true
		}), "example.org", server, ""},
	} {
		err := handshake(t, c.files, c.host, c.server)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestAuthority(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	authority, err := certs.NewAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := authority.Issue("a.example", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Root())
	for _, at := range []struct {
		time time.Time
		good bool
	}{
		{now, true},
		{now.Add(-59 * time.Minute), true},
		{now.Add(-61 * time.Minute), false},
		{now.AddDate(0, 0, 29), true},
		{now.AddDate(0, 0, 31), false},
	} {
		_, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "a.example", CurrentTime: at.time})
		if (err == nil) != at.good {
			t.Errorf("at %v: %v", at.time, err)
		}
	}
	if len(pair.Leaf.DNSNames) != 1 || len(pair.Leaf.IPAddresses) != 1 {
		t.Errorf("names %q, addresses %v: want one of each", pair.Leaf.DNSNames, pair.Leaf.IPAddresses)
	}
	if _, _, err := authority.Issue(); err == nil {
		t.Error("a certificate for nobody is issued")
	}
}
