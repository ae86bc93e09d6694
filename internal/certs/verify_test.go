package certs_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// family is a certificate for localhost and the authority it is from.
func family(t *testing.T, now time.Time) (leaf, root *certs.Bundle) {
	t.Helper()
	authority, err := certs.NewAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	cert, _, err := authority.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	return certs.ParseBundle(cert), certs.ParseBundle(authority.Root())
}

func TestVerify(t *testing.T) {
	t.Parallel()
	now := time.Now()
	leaf, root := family(t, now)
	_, other := family(t, now)
	chain := []*x509.Certificate{leaf.Certificates[0].Certificate}
	for name, c := range map[string]struct {
		chain []*x509.Certificate
		roots *x509.CertPool
		host  string
		now   time.Time
		want  schemas.Reason
	}{
		"passes":          {chain, root.Pool(), "localhost", now, schemas.ReasonNone},
		"upper case":      {chain, root.Pool(), "LOCALHOST", now, schemas.ReasonNone},
		"no chain":        {nil, root.Pool(), "localhost", now, schemas.ReasonTLSCertificate},
		"no name":         {chain, root.Pool(), "", now, schemas.ReasonTLSName},
		"another name":    {chain, root.Pool(), "127.0.0.1", now, schemas.ReasonTLSName},
		"other roots":     {chain, other.Pool(), "localhost", now, schemas.ReasonTLSUnknownAuthority},
		"roots of system": {chain, nil, "localhost", now, schemas.ReasonTLSUnknownAuthority},
		"later":           {chain, root.Pool(), "localhost", now.AddDate(1, 0, 0), schemas.ReasonTLSExpired},
		"earlier":         {chain, root.Pool(), "localhost", now.AddDate(-1, 0, 0), schemas.ReasonTLSNotYetValid},
	} {
		if got := certs.Verify(c.chain, c.roots, c.host, c.now); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A chain is followed by who signed what, and a server may send anything.
func TestTop(t *testing.T) {
	t.Parallel()
	leaf, root := family(t, time.Now())
	_, namesake := family(t, time.Now()) // of the same subject, with another key
	server, authority := leaf.Certificates[0].Certificate, root.Certificates[0].Certificate
	if top := certs.Top([]*x509.Certificate{server, namesake.Certificates[0].Certificate, authority, server}); top != authority {
		t.Errorf("the top is %s", top.Subject)
	}
	if top := certs.Top([]*x509.Certificate{server, namesake.Certificates[0].Certificate}); top != server {
		t.Errorf("the top is %s", top.Subject)
	}
	if certs.SelfSigned(server) || !certs.SelfSigned(authority) {
		t.Error("who vouches for itself is not the authority")
	}
}

// A digest is of the set, in whatever order and how often it is written.
func TestBundleDigest(t *testing.T) {
	t.Parallel()
	leaf, root := family(t, time.Now())
	a := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Certificates[0].Raw})
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificates[0].Raw})
	want := certs.ParseBundle(join(a, b)).Digest()
	for name, text := range map[string][]byte{"turned": join(b, a), "twice": join(a, b, a), "with a note": join([]byte("note\n"), a, b)} {
		if got := certs.ParseBundle(text).Digest(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if certs.ParseBundle(a).Digest() == want || certs.ParseBundle(b).Digest() == want {
		t.Error("a part has the digest of the whole")
	}
}

func TestNamed(t *testing.T) {
	t.Parallel()
	for want, name := range map[string]pkix.Name{
		"CN=orders":            {CommonName: "orders"},
		"(no name)":            {},
		"CN=a\ufffd[2J\ufffdb": {CommonName: "a\x1b[2J\u202eb"},
		"CN=" + strings.Repeat("é", 196) + "…": {CommonName: strings.Repeat("é", 999)},
	} {
		if got := certs.Named(name); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
