package lint

import (
	"crypto/x509"
	"strconv"
	"sync"
	"testing"

	"lockstep/internal/certs"
)

// TestBundleCache: a bundle is parsed once, again if its content changes, and
// however many there are, the cache stays small.
func TestBundleCache(t *testing.T) {
	t.Parallel()
	cache := &bundleCache{}
	first := cache.parse("a.pem", []byte("one"))
	if cache.parse("a.pem", []byte("one")) != first {
		t.Error("the same content is parsed twice")
	}
	if cache.parse("a.pem", []byte("two")) == first || cache.parse("b.pem", []byte("one")) == first {
		t.Error("another content or path is taken for the same")
	}
	var group sync.WaitGroup
	for i := range 4 * maxBundles {
		group.Go(func() { cache.parse(strconv.Itoa(i%(2*maxBundles)), nil) })
	}
	group.Wait()
	if n := len(cache.bundles); n > maxBundles {
		t.Errorf("%d bundles are kept", n)
	}
}

func TestPrivateHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"10.1.2.3": true, "192.168.0.1": true, "127.0.0.1": true, "::1": true, "fd00::1": true, "fe80::1": true, "169.254.1.1": true,
		"svc": true, "a.svc": true, "a.INTERNAL": true, "a.local.": true, "localhost": true, "a.home.arpa": true,
		"8.8.8.8": false, "2001:4860::8888": false, "www.example.com": false, "internal.example.com": false, "": false,
	} {
		if got := privateHost(host); got != want {
			t.Errorf("%q is private: %v", host, got)
		}
	}
}

// TestUnanchoredCircle: authorities that sign each other have no root, and a
// file full of them is judged in no time.
func TestUnanchoredCircle(t *testing.T) {
	t.Parallel()
	var all []certs.BundleCertificate
	for i := range 2000 {
		subject, issuer := []byte("a"), []byte("b")
		if i%2 == 1 {
			subject, issuer = issuer, subject
		}
		all = append(all, authorityNamed(subject, issuer))
	}
	if got := len(unanchored(all)); got != len(all) {
		t.Errorf("%d of %d have no root", got, len(all))
	}
	all = append(all, authorityNamed([]byte("b"), []byte("b")))
	if got := len(unanchored(all)); got != 0 {
		t.Errorf("%d of %d have no root beside one", got, len(all))
	}
}

func authorityNamed(subject, issuer []byte) certs.BundleCertificate {
	return certs.BundleCertificate{Certificate: &x509.Certificate{
		RawSubject: subject, RawIssuer: issuer, BasicConstraintsValid: true, IsCA: true, Version: 3,
	}}
}
