package runtime

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http/httptest"
	"testing"
	"time"
)

// A pkiNode is a certificate with its key.
type pkiNode struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// issue makes a certificate below n, or a self-signed one if n is nil.
func (n *pkiNode) issue(tb testing.TB, name string, change func(*x509.Certificate)) *pkiNode {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(1, 0, 0),
		BasicConstraintsValid: true,
	}
	change(template)
	parent := &pkiNode{template, key}
	if n != nil {
		parent = n
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent.cert, key.Public(), parent.key)
	if err != nil {
		tb.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return &pkiNode{cert, key}
}

func pkiAuthority(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

// pkiLeaf is for localhost and the loopback network's first two addresses. It
// says where its issuer can be fetched, as those of a public authority do.
func pkiLeaf(c *x509.Certificate) {
	c.DNSNames, c.IPAddresses = []string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(127, 0, 0, 2)}
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	c.IssuingCertificateURL = []string{"http://pki.example/issuer.der"}
}

// pair is what a server shows: its own certificate, and those above it.
func (n *pkiNode) pair(above ...*pkiNode) tls.Certificate {
	pair := tls.Certificate{PrivateKey: n.key, Certificate: [][]byte{n.cert.Raw}}
	for _, a := range above {
		pair.Certificate = append(pair.Certificate, a.cert.Raw)
	}
	return pair
}

func (n *pkiNode) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: n.cert.Raw}))
}

// secureEcho is [echo] behind TLS.
func secureEcho(tb testing.TB, config *tls.Config) *httptest.Server {
	tb.Helper()
	server := httptest.NewUnstartedServer(echoHandler("tls"))
	server.TLS, server.EnableHTTP2 = config, config.MaxVersion == 0
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	tb.Cleanup(server.Close)
	return server
}

// A pkiWorld is a private authority with servers that are right and wrong in
// every way there is.
type pkiWorld struct {
	root    *pkiNode
	servers map[string]*httptest.Server
}

func newPKIWorld(tb testing.TB) *pkiWorld {
	tb.Helper()
	var none *pkiNode
	root, alien := none.issue(tb, "root", pkiAuthority), none.issue(tb, "alien", pkiAuthority)
	between := root.issue(tb, "intermediate", pkiAuthority)
	with := func(change func(*x509.Certificate)) func(*x509.Certificate) {
		return func(c *x509.Certificate) { pkiLeaf(c); change(c) }
	}
	good := between.issue(tb, "good", pkiLeaf)
	show := func(pair tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{pair}} }
	old := show(good.pair(between))
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	p := &pkiWorld{root: root, servers: map[string]*httptest.Server{}}
	for name, config := range map[string]*tls.Config{
		"": show(good.pair(between)),
		"tls_expired": show(between.issue(tb, "expired", with(func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().AddDate(0, -2, 0), time.Now().AddDate(0, -1, 0)
		})).pair(between)),
		"tls_not_yet_valid": show(between.issue(tb, "early", with(func(c *x509.Certificate) {
			c.NotBefore = time.Now().AddDate(0, 1, 0)
		})).pair(between)),
		"tls_name": show(between.issue(tb, "another", with(func(c *x509.Certificate) {
			c.DNSNames, c.IPAddresses = []string{"another.example"}, nil
		})).pair(between)),
		"tls_incomplete_chain":  show(good.pair()),
		"tls_unknown_authority": show(alien.issue(tb, "foreign", pkiLeaf).pair(alien)),
		"tls_self_signed":       show(none.issue(tb, "self", pkiLeaf).pair()),
		"tls_certificate": show(between.issue(tb, "client", with(func(c *x509.Certificate) {
			c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		})).pair(between)),
		"tls_version": old,
	} {
		p.servers[name] = secureEcho(tb, config)
	}
	return p
}
