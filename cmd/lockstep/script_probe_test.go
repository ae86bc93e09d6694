package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"lockstep/internal/certs"
)

// startUpstream starts a server on loopback until the script ends: `upstream
// VAR KIND`. It puts its port in the variable VAR, the certificate of its own
// private authority in VAR.pem, and a line in VAR.calls for each connection.
// Of the kinds, good, expired and mtls speak TLS, plain speaks something else
// and silent nothing.
func startUpstream(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: upstream VAR KIND")
	}
	name, now := args[0], time.Now()
	if args[1] == "expired" {
		now = now.AddDate(-1, 0, 0)
	}
	authority, err := certs.NewAuthority(now)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(name+".pem"), authority.Root(), 0o600))
	cert, key, err := authority.Issue("localhost", "127.0.0.1")
	ts.Check(err)
	pair, err := tls.X509KeyPair(cert, key)
	ts.Check(err)
	config := &tls.Config{Certificates: []tls.Certificate{pair}}
	if args[1] == "mtls" {
		config.ClientAuth, config.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	calls, err := os.Create(ts.MkAbs(name + ".calls"))
	ts.Check(err)
	ts.Defer(func() {
		ts.Check(listener.Close())
		ts.Check(calls.Close())
	})
	_, port, err := net.SplitHostPort(listener.Addr().String())
	ts.Check(err)
	ts.Setenv(name, port)
	go serveUpstream(listener, calls, args[1], config)
}

// serveUpstream answers one call after the other.
func serveUpstream(listener net.Listener, calls io.Writer, kind string, config *tls.Config) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		_, _ = io.WriteString(calls, "called\n")
		switch kind {
		case "plain":
			_, _ = io.WriteString(conn, "220 it speaks first\r\n")
		case "silent":
		default:
			conn = tls.Server(conn, config)
		}
		_, _ = io.Copy(io.Discard, conn)
		_ = conn.Close() // nothing was promised
	}
}
