package lint_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"lockstep/internal/inputfile"
)

// readCase reads a TLS file for a case or an example: one of the certificates
// below by its name in whatever directory, or a file of the recorded cases.
func readCase(tb testing.TB) func(string) ([]byte, error) {
	tb.Helper()
	files, err := pemFiles()
	if err != nil {
		tb.Fatal(err)
	}
	return func(name string) ([]byte, error) {
		if text := files[filepath.Base(name)]; text != nil {
			return text, nil
		}
		return inputfile.Read(filepath.Join(pikoDir, "cases", name))
	}
}

// readExample also has a good authority for every other name.
func readExample(tb testing.TB) func(string) ([]byte, error) {
	tb.Helper()
	read := readCase(tb)
	return func(name string) ([]byte, error) {
		if text, err := read(name); err == nil {
			return text, nil
		}
		return os.ReadFile(filepath.Join(pikoDir, "cases", "c.pem"))
	}
}

// pemFiles are made once per run, so that none of them expires: all their
// times are relative to [caseTime].
var pemFiles = sync.OnceValues(makePEMFiles)

// An issuer makes certificates with a key of its own.
type issuer struct {
	key  crypto.Signer
	cert *x509.Certificate // nil until it has signed itself
	errs []error
}

func makePEMFiles() (map[string][]byte, error) {
	newKey := func(curve elliptic.Curve) crypto.Signer {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		return nil, err
	}
	root := &issuer{key: newKey(elliptic.P256())}
	other := &issuer{key: newKey(elliptic.P256())}
	weak := &issuer{key: small}
	p224 := &issuer{key: newKey(elliptic.P224())}
	year := 365 * 24 * time.Hour
	week := 7 * 24 * time.Hour

	rootPEM := root.sign("root", root, authority, -year, 10*year)
	intermediate := other.sign("intermediate", root, authority, -year, year)
	lower := (&issuer{key: newKey(elliptic.P256())}).sign("lower", other, authority, -year, year)
	client := &issuer{key: newKey(elliptic.P256())}
	clientKey, err := x509.MarshalPKCS8PrivateKey(client.key)
	if err != nil {
		return nil, err
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: clientKey})
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	var broad []byte
	for i := range 60 {
		broad = append(broad, other.sign(fmt.Sprintf("root %d", i), other, authority, -year, year)...)
	}
	files := map[string][]byte{
		"root.pem":           rootPEM,
		"intermediate.pem":   intermediate,
		"chain.pem":          join(lower, rootPEM, intermediate),
		"upper.pem":          join(lower, intermediate),
		"damaged.pem":        join(rootPEM, intermediate[:200], []byte("\n")),
		"with-key.pem":       join(rootPEM, key),
		"twice.pem":          join(rootPEM, intermediate, rootPEM),
		"broad.pem":          broad,
		"expired.pem":        join(other.sign("expired root", other, authority, -2*year, 0), rootPEM),
		"soon.pem":           other.sign("old root", other, authority, -year, week-time.Hour),
		"early.pem":          other.sign("new root", other, authority, time.Second, year),
		"weak.pem":           weak.sign("weak root", weak, authority, -year, year),
		"p224.pem":           p224.sign("curved root", p224, authority, -year, year),
		"leaf.pem":           other.sign("orders.internal", other, server, -week, week),
		"no-sign.pem":        other.sign("no signer", other, func(c *x509.Certificate) { authority(c); c.KeyUsage = x509.KeyUsageCRLSign }, -week, week),
		"client.key":         key,
		"client.pem":         client.sign("client", root, forClients, -week, 390*24*time.Hour),
		"client-expired.pem": client.sign("client", root, forClients, -2*week, 0),
		"client-early.pem":   client.sign("client", root, forClients, time.Second, week),
		"client-long.pem":    client.sign("client", root, forClients, -week, 392*24*time.Hour),
		"client-server.pem":  client.sign("client", root, server, -week, week),
	}
	return files, errors.Join(append(append(root.errs, other.errs...), client.errs...)...)
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
}

func server(c *x509.Certificate) {
	c.DNSNames, c.BasicConstraintsValid = []string{"orders.internal"}, true
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

func forClients(c *x509.Certificate) {
	c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
}

// sign has by issue a certificate for the key of i, valid from and to so much
// after [caseTime].
func (i *issuer) sign(name string, by *issuer, kind func(*x509.Certificate), from, to time.Duration) []byte {
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, NotBefore: caseTime.Add(from), NotAfter: caseTime.Add(to),
	}
	kind(template)
	parent := by.cert
	if i == by {
		parent = template
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, i.key.Public(), by.key)
	if err == nil && i.cert == nil {
		i.cert, err = x509.ParseCertificate(raw)
	}
	i.errs = append(i.errs, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
}
