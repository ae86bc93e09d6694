package probe_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"lockstep/internal/probe"
	"lockstep/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// prober may dial this machine.
func prober(t *testing.T, allowed ...string) *probe.Prober {
	t.Helper()
	allow, err := probe.ParseAllow(append(allowed, "127.0.0.0/8"))
	if err != nil {
		t.Fatal(err)
	}
	return &probe.Prober{Allow: allow, Timeout: 10 * time.Second, Now: func() time.Time { return probeTime }}
}

// one probes one upstream.
func one(t *testing.T, p *probe.Prober, u probe.Upstream) schemas.Probe {
	t.Helper()
	results, err := p.All(t.Context(), []probe.Upstream{u}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return results[0]
}

// TestProbe shakes hands with real servers, each of which is wrong in its own
// way.
func TestProbe(t *testing.T) {
	t.Parallel()
	var none *node
	root := none.issue(t, "root", authority)
	other := none.issue(t, "other root", authority)
	middle := root.issue(t, "middle", authority)
	good, below := root.issue(t, "good", leaf), middle.issue(t, "below", leaf)
	alone := none.issue(t, "alone", leaf)
	old := root.issue(t, "old", with(func(c *x509.Certificate) { c.NotAfter = probeTime.Add(-time.Second) }))
	early := root.issue(t, "early", with(func(c *x509.Certificate) { c.NotBefore = probeTime.Add(time.Second) }))
	elsewhere := root.issue(t, "elsewhere", with(func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"elsewhere"}, nil }))
	client := root.issue(t, "client", with(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }))
	public := middle.issue(t, "public", with(func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.test/middle"} }))
	hostile := none.issue(t, "a\x1b[2J\n"+strings.Repeat("b", 999), leaf)
	demanding := func(version uint16) *tls.Config {
		return &tls.Config{
			MaxVersion: version, Certificates: []tls.Certificate{*good.pair()},
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(root), Time: func() time.Time { return probeTime },
		}
	}
	polite := demanding(0)
	polite.ClientAuth = tls.VerifyClientCertIfGiven
	showing := func(pair *tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{*pair}} }

	for name, c := range map[string]struct {
		server    *tls.Config
		roots     *x509.CertPool
		client    *tls.Certificate
		reason    schemas.Reason
		authority schemas.ProbeAuthority
	}{
		"passes":                  {server: showing(good.pair()), roots: pool(root)},
		"passes with a chain":     {server: showing(below.pair(middle)), roots: pool(root)},
		"passes by two roots":     {server: showing(good.pair()), roots: pool(other, root)},
		"unknown root, sent":      {server: showing(below.pair(middle, root)), roots: pool(other), reason: schemas.ReasonTLSUnknownAuthority, authority: named("CN=root", root)},
		"unknown root":            {server: showing(below.pair(middle)), roots: pool(other), reason: schemas.ReasonTLSUnknownAuthority, authority: named("CN=root", nil)},
		"unknown root, leaf only": {server: showing(good.pair()), roots: pool(other), reason: schemas.ReasonTLSUnknownAuthority, authority: named("CN=root", nil)},
		"roots of the system":     {server: showing(good.pair(root)), reason: schemas.ReasonTLSUnknownAuthority, authority: named("CN=root", root)},
		"no intermediate":         {server: showing(public.pair()), roots: pool(root), reason: schemas.ReasonTLSIncompleteChain, authority: named("CN=middle", nil)},
		"self-signed":             {server: showing(alone.pair()), roots: pool(root), reason: schemas.ReasonTLSSelfSigned, authority: named("CN=alone", alone)},
		"self-signed, pinned":     {server: showing(alone.pair()), roots: pool(alone)},
		"expired":                 {server: showing(old.pair()), roots: pool(root), reason: schemas.ReasonTLSExpired},
		"too early":               {server: showing(early.pair()), roots: pool(root), reason: schemas.ReasonTLSNotYetValid},
		"another name":            {server: showing(elsewhere.pair()), roots: pool(root), reason: schemas.ReasonTLSName},
		"for clients only":        {server: showing(client.pair()), roots: pool(root), reason: schemas.ReasonTLSCertificate},
		"TLS 1.1 only":            {server: &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11, Certificates: showing(good.pair()).Certificates}, roots: pool(root), reason: schemas.ReasonTLSVersion},
		"no shared cipher":        {server: &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}, Certificates: showing(good.pair()).Certificates}, roots: pool(root), reason: schemas.ReasonTLSHandshake},
		"mTLS, none, 1.3":         {server: demanding(tls.VersionTLS13), roots: pool(root), reason: schemas.ReasonTLSClientCertificate},
		"mTLS, none, 1.2":         {server: demanding(tls.VersionTLS12), roots: pool(root), reason: schemas.ReasonTLSClientCertificate},
		"mTLS, wrong, 1.3":        {server: demanding(0), roots: pool(root), client: alone.pair(), reason: schemas.ReasonTLSClientCertificate},
		"mTLS, right, 1.3":        {server: demanding(0), roots: pool(root), client: client.pair()},
		"mTLS, right, 1.2":        {server: demanding(tls.VersionTLS12), roots: pool(root), client: client.pair()},
		"mTLS, none, untrusted":   {server: demanding(0), roots: pool(other), reason: schemas.ReasonTLSUnknownAuthority, authority: named("CN=root", nil)},
		"mTLS, but optional":      {server: polite, roots: pool(root)},
		"hostile name": {
			server: showing(hostile.pair()), roots: pool(root), reason: schemas.ReasonTLSSelfSigned,
			authority: named("CN=a\ufffd[2J\ufffd"+strings.Repeat("b", 199-len("CN=a.[2J."))+"…", hostile),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := serveTLS(t, c.server)
			key := schemas.ProbeKey{Address: address, ServerName: "127.0.0.1", Roots: schemas.SystemRoots, ClientCert: "x"}
			got := one(t, prober(t), probe.Upstream{Key: key, Roots: c.roots, Certificate: c.client})
			outcome := schemas.ProbeFail
			if c.reason == schemas.ReasonNone {
				outcome = schemas.ProbePass
			}
			if got.Outcome != outcome || got.Reason != c.reason || got.Authority != c.authority {
				t.Errorf("%s %s %+v, want %s %s %+v", got.Outcome, got.Reason, got.Authority, outcome, c.reason, c.authority)
			}
			if got.Key() != key || got.Resolved != address {
				t.Errorf("it is about %+v at %s", got.Key(), got.Resolved)
			}
		})
	}
}

// named is the authority that is missing, with its certificate if it was sent.
func named(subject string, sent *node) schemas.ProbeAuthority {
	a := schemas.ProbeAuthority{Subject: subject}
	if sent != nil {
		sum := sha256.Sum256(sent.cert.Raw)
		a.SHA256 = hex.EncodeToString(sum[:])
	}
	return a
}

// TestChain lists what was sent, as it was sent.
func TestChain(t *testing.T) {
	t.Parallel()
	var none *node
	root := none.issue(t, "root", authority)
	good := root.issue(t, "good", leaf)
	address := serveTLS(t, &tls.Config{Certificates: []tls.Certificate{*good.pair(root)}})
	got := one(t, prober(t), probe.Upstream{Key: schemas.ProbeKey{Address: address, ServerName: "localhost"}, Roots: pool(root)})
	want := []schemas.ProbeCertificate{
		{Subject: "CN=good", SHA256: named("", good).SHA256, NotBefore: good.cert.NotBefore, NotAfter: good.cert.NotAfter},
		{Subject: "CN=root", SHA256: named("", root).SHA256, NotBefore: root.cert.NotBefore, NotAfter: root.cert.NotAfter},
	}
	if diff := cmp.Diff(want, got.Chain); diff != "" {
		t.Errorf("chain (-want +got):\n%s", diff)
	}
}

// TestNotTLS: what does not speak TLS, closes or says nothing.
func TestNotTLS(t *testing.T) {
	t.Parallel()
	silent := prober(t)
	silent.Timeout = 200 * time.Millisecond
	for name, c := range map[string]struct {
		prober  *probe.Prober
		answer  func(net.Conn)
		outcome schemas.ProbeOutcome
		reason  schemas.Reason
	}{
		"banner": {prober(t), func(c net.Conn) {
			_, _ = io.WriteString(c, "220 mail.test ESMTP\r\n")
			_, _ = c.Read(make([]byte, 4096))
		}, schemas.ProbeFail, schemas.ReasonTLSPlaintext},
		"http": {prober(t), func(c net.Conn) {
			_, _ = c.Read(make([]byte, 4096))
			_, _ = io.WriteString(c, "HTTP/1.1 400 Bad Request\r\n\r\n")
		}, schemas.ProbeFail, schemas.ReasonTLSPlaintext},
		"closes": {prober(t), func(c net.Conn) { _, _ = c.Read(make([]byte, 4096)) }, schemas.ProbeFail, schemas.ReasonTLSHandshake},
		"silent": {silent, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, schemas.ProbeIncomplete, schemas.ReasonTLSTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := one(t, c.prober, probe.Upstream{Key: schemas.ProbeKey{Address: serve(t, c.answer), ServerName: "localhost"}})
			if got.Outcome != c.outcome || got.Reason != c.reason || len(got.Chain) > 0 {
				t.Errorf("%s %s, want %s %s", got.Outcome, got.Reason, c.outcome, c.reason)
			}
		})
	}
}

// TestNotDialled: nobody is dialled who was not named, and no link-local
// address even then. A name counts by the address it leads to.
func TestNotDialled(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	address := serve(t, func(net.Conn) { calls.Add(1) })
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	for host, c := range map[string]struct {
		outcome schemas.ProbeOutcome
		reason  schemas.Reason
	}{
		"localhost":                {schemas.ProbeNone, schemas.ReasonProbeNotAllowed},
		"192.0.2.1":                {schemas.ProbeNone, schemas.ReasonProbeNotAllowed},
		"169.254.169.254":          {schemas.ProbeNone, schemas.ReasonProbeLinkLocal},
		"::ffff:169.254.169.254":   {schemas.ProbeNone, schemas.ReasonProbeLinkLocal},
		"64:ff9b::169.254.169.254": {schemas.ProbeNone, schemas.ReasonProbeLinkLocal},
		"fe80::1":                  {schemas.ProbeNone, schemas.ReasonProbeLinkLocal},
		"100.100.100.200":          {schemas.ProbeNone, schemas.ReasonProbeLinkLocal},
		"nobody.invalid":           {schemas.ProbeIncomplete, schemas.ReasonTLSUnreachable},
		"127.255.0.1":              {schemas.ProbeIncomplete, schemas.ReasonTLSUnreachable},
	} {
		p := prober(t, "169.254.0.0/16", "fe80::/10", "100.100.100.200", "64:ff9b::/96", "nobody.invalid")
		got := one(t, p, probe.Upstream{Key: schemas.ProbeKey{Address: net.JoinHostPort(host, port), ServerName: host}})
		if got.Outcome != c.outcome || got.Reason != c.reason || got.Resolved != "" {
			t.Errorf("%s: %s %s %s, want %s %s", host, got.Outcome, got.Reason, got.Resolved, c.outcome, c.reason)
		}
	}
	if calls.Load() > 0 {
		t.Errorf("%d calls", calls.Load())
	}
}

// TestAll probes each upstream once, and ends when it is told to.
func TestAll(t *testing.T) {
	t.Parallel()
	var calls, done atomic.Int32
	var upstreams []probe.Upstream
	for range 20 {
		address := serve(t, func(net.Conn) { calls.Add(1) })
		upstreams = append(upstreams, probe.Upstream{Key: schemas.ProbeKey{Address: address, ServerName: "localhost"}})
	}
	results, err := prober(t).All(t.Context(), upstreams, func() { done.Add(1) })
	if err != nil || len(results) != 20 || calls.Load() != 20 || done.Load() != 20 {
		t.Errorf("%d results, %d calls, %d done, %v", len(results), calls.Load(), done.Load(), err)
	}
	for i, r := range results {
		if r.Key() != upstreams[i].Key {
			t.Errorf("result %d is about %+v", i, r.Key())
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	hanging := serve(t, func(c net.Conn) { cancel(); _, _ = io.Copy(io.Discard, c) })
	_, err = prober(t).All(ctx, []probe.Upstream{{Key: schemas.ProbeKey{Address: hanging, ServerName: "localhost"}}}, func() {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
