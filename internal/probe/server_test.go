package probe_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"net"
	"testing"
	"time"
)

// probeTime is when certificates are judged.
var probeTime = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// A node is a certificate with its key.
type node struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate below n, or a self-signed one if n is nil.
func (n *node) issue(t *testing.T, name string, change func(*x509.Certificate)) *node {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: probeTime.Add(-time.Hour), NotAfter: probeTime.Add(time.Hour),
		BasicConstraintsValid: true,
	}
	change(template)
	parent := &node{template, key}
	if n != nil {
		parent = n
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &node{cert, key}
}

func authority(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

// leaf is for localhost and 127.0.0.1.
func leaf(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)}
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
}

// with is a leaf with a change.
func with(change func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) { leaf(c); change(c) }
}

// pair is what a server shows: its own certificate, and those above it.
func (n *node) pair(above ...*node) *tls.Certificate {
	pair := &tls.Certificate{PrivateKey: n.key, Certificate: [][]byte{n.cert.Raw}}
	for _, a := range above {
		pair.Certificate = append(pair.Certificate, a.cert.Raw)
	}
	return pair
}

func pool(nodes ...*node) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, n := range nodes {
		pool.AddCert(n.cert)
	}
	return pool
}

// serveTLS starts a TLS server that says nothing by itself.
func serveTLS(t *testing.T, config *tls.Config) (address string) {
	t.Helper()
	return serve(t, func(conn net.Conn) {
		server := tls.Server(conn, config)
		if server.HandshakeContext(t.Context()) == nil {
			_, _ = io.Copy(io.Discard, server)
		}
	})
}

// serve starts a server on loopback that answers one connection after the
// other, and has ended when the test does.
func serve(t *testing.T, answer func(net.Conn)) (address string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			answer(conn)
			_ = conn.Close() // nothing was promised
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return listener.Addr().String()
}
