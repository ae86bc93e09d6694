package certs_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
)

// lineOf is the line on which the nth PEM block of text begins.
func lineOf(t *testing.T, text []byte, nth int) int {
	t.Helper()
	for i, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "-----BEGIN ") {
			if nth--; nth == 0 {
				return i + 1
			}
		}
	}
	t.Fatalf("there are not so many blocks")
	return 0
}

// TestBundleLines puts good and bad blocks in one file and wants each with
// its line.
func TestBundleLines(t *testing.T) {
	t.Parallel()
	authority, err := certs.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := authority.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")})
	text := join([]byte("# a note\n"), cert, []byte("\n"), broken, key, withHeader(cert),
		[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n"), authority.Root(),
		[]byte("-----BEGIN X509 CRL-----\n-----END X509 CRL-----\n-----BEGIN EC PRIVATE KEY-----\nAA"))
	bundle := certs.ParseBundle(text)
	var good, bad []int
	for _, c := range bundle.Certificates {
		good = append(good, c.Line)
	}
	for _, b := range bundle.Broken {
		bad = append(bad, b.Line)
	}
	line := func(nth int) int { return lineOf(t, text, nth) }
	if want := []int{line(1), line(6)}; !slices.Equal(good, want) {
		t.Errorf("certificates on %v, want %v", good, want)
	}
	if want := []int{line(2), line(4), line(5), line(7), line(8)}; !slices.Equal(bad, want) {
		t.Errorf("broken blocks on %v, want %v", bad, want)
	}
	if want := []int{line(3), line(8)}; !slices.Equal(bundle.PrivateKeys, want) {
		t.Errorf("private keys on %v, want %v", bundle.PrivateKeys, want)
	}
	if got, want := bundle.Certificates[0].String(), fmt.Sprintf("CN=localhost, line %d", line(1)); got != want {
		t.Errorf("called %q, want %q", got, want)
	}
	if _, err := bundle.Certificates[0].Verify(x509.VerifyOptions{Roots: bundle.Pool(), DNSName: "localhost"}); err != nil {
		t.Error(err)
	}
}

// TestBundleEqualsPool: what is in a bundle is what crypto/x509 takes.
func TestBundleEqualsPool(t *testing.T) {
	t.Parallel()
	dir, names := material(t)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue // a directory, or missing
		}
		want := x509.NewCertPool()
		if ok, got := want.AppendCertsFromPEM(text), certs.ParseBundle(text); ok != (len(got.Certificates) > 0) || !want.Equal(got.Pool()) {
			t.Errorf("%s: %d certificates, the pool takes some: %v", name, len(got.Certificates), ok)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"))
	f.Add([]byte("-----BEGIN -----\n-----END -----\n-----BEGIN PRIVATE KEY"))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, pool := certs.ParseBundle(text), x509.NewCertPool()
		if pool.AppendCertsFromPEM(text) != (len(b.Certificates) > 0) {
			t.Errorf("%d certificates, and crypto/x509 sees it otherwise", len(b.Certificates))
		}
		last := strings.Count(string(text), "\n") + 1
		for _, broken := range b.Broken {
			if broken.Line < 1 || broken.Line > last || broken.Err == nil {
				t.Errorf("a broken block on line %d of %d: %v", broken.Line, last, broken.Err)
			}
		}
	})
}
