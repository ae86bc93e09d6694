package pikolink_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lockstep/runtime/pikolink"
	"lockstep/runtime/pikolink/pikotest"
	"lockstep/schemas"
)

// TestRemoteFaults names the key and never the value.
func TestRemoteFaults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ url, proxy, want string }{
		{"piko:8001", "", "connect.url has no scheme"}, // accepted by Piko's agent, which then fails for ever
		{"ftp://piko", "", "connect.url has no scheme"},
		{"http://", "", "connect.url has no host"},
		{"http://u:canary@piko:8001", "", "connect.url has no host, or user information"},
		{"http://canary\x7f", "", "connect.url is no URL"},
		{"http://piko:8001", "squid:3128", "connect.proxy_url is no URL of a proxy"},
		{"http://piko:8001", "ftp://canary", "connect.proxy_url is no URL of a proxy"},
	} {
		_, err := pikolink.NewRemote(schemas.Connect{URL: test.url, ProxyURL: test.proxy}, nil)
		if err == nil || !strings.Contains(err.Error(), test.want) || len(schemas.Hints(err)) == 0 {
			t.Errorf("%q by %q: %v, want %q", test.url, test.proxy, err, test.want)
		}
		if err != nil && strings.Contains(err.Error(), "canary") {
			t.Errorf("%v quotes the value", err)
		}
	}
}

// TestURL has all spellings lead to one place; a slash at the end gives
// Piko's agent 404.
func TestURL(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	for i, url := range []string{s.URL, s.URL + "/", "ws://" + s.Addr()} {
		c := connectTo(s, "")
		c.URL = url
		listen(t, "svc", remote(t, c), nil)
		eventually(t, "session for "+url, func() bool { return s.Sessions("svc") == i+1 })
	}
}

// TestTLS verifies the server by the given roots.
func TestTLS(t *testing.T) {
	t.Parallel()
	s, plain := pikotest.Start(t, pikotest.Options{TLS: true}), pikotest.Start(t, pikotest.Options{})
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	for name, test := range map[string]struct {
		config *tls.Config
		url    string
		want   string // in the error; empty: it is taken
		hint   string
	}{
		"root_cas":    {&tls.Config{RootCAs: roots}, s.URL, "", ""},
		"wss":         {&tls.Config{RootCAs: roots}, "wss://" + s.Addr(), "", ""},
		"wrong CA":    {&tls.Config{RootCAs: x509.NewCertPool()}, s.URL, "unknown authority", "connect.tls.root_cas"},
		"no config":   {nil, s.URL, "unknown authority", "connect.tls.root_cas"},
		"skip-verify": {&tls.Config{InsecureSkipVerify: true}, s.URL, "", ""},                              //nolint:gosec // as a config may have it
		"wrong name":  {&tls.Config{RootCAs: roots, ServerName: "x"}, s.URL, "not x", "check connect.url"}, //nolint:gosec // TLS 1.2 is the default
		"no TLS":      {nil, "https://" + plain.Addr(), "does not look like a TLS handshake", "with http://"},
		"nobody":      {nil, "http://127.0.0.1:1", "connection refused", "check connect.url"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := schemas.Connect{URL: test.url, Timeout: 5 * time.Second}
			to, err := pikolink.NewRemote(c, test.config)
			if err != nil {
				t.Fatal(err)
			}
			l := listen(t, "svc", to, nil)
			eventually(t, "outcome", func() bool { return l.Status().Up || l.Status().Err != nil })
			got := l.Status()
			if got.Up != (test.want == "") || got.Err != nil && !strings.Contains(got.Err.Error(), test.want) {
				t.Errorf("status %+v", got)
			}
			if hints := strings.Join(schemas.Hints(got.Err), "; "); !strings.Contains(hints, test.hint) {
				t.Errorf("hints %q, want %q", hints, test.hint)
			}
		})
	}
}

// TestProxy goes through connect.proxy_url, by CONNECT and with a password.
func TestProxy(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	var used atomic.Int32
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go relay(t, c, s.Addr(), &used)
		}
	}()
	c := schemas.Connect{URL: "http://piko.invalid:8001", ProxyURL: "http://user:pass@" + ln.Addr().String(), Timeout: 5 * time.Second}
	listen(t, "svc", remote(t, c), names("here"))
	registered(t, s, "svc")
	if status, _ := get(t, s); status != http.StatusOK || used.Load() != 1 {
		t.Errorf("status %d, %d uses of the proxy", status, used.Load())
	}
	s.Stop() // and with it what is relayed
}

// relay answers one CONNECT, whatever its target, with a connection to addr.
func relay(t *testing.T, c net.Conn, addr string, used *atomic.Int32) {
	t.Helper()
	defer c.Close()
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil || req.Method != http.MethodConnect || req.Host != "piko.invalid:8001" ||
		req.Header.Get("Proxy-Authorization") != "Basic dXNlcjpwYXNz" {
		t.Errorf("the proxy got %+v, %v", req, err)
		return
	}
	to, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return
	}
	defer to.Close()
	used.Add(1)
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	done := make(chan struct{})
	go func() { defer close(done); _, _ = io.Copy(to, c); _ = to.Close() }()
	_, _ = io.Copy(c, to)
	_ = c.Close()
	<-done
}
