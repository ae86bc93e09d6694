package runtime

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
)

func authority(tb testing.TB) *certs.Authority {
	tb.Helper()
	ca, err := certs.NewAuthority(time.Now())
	if err != nil {
		tb.Fatal(err)
	}
	return ca
}

func issue(tb testing.TB, ca *certs.Authority, host string) (cert, key string) {
	tb.Helper()
	c, k, err := ca.Issue(host)
	if err != nil {
		tb.Fatal(err)
	}
	return string(c), string(k)
}

// tlsEcho is [echo] behind a certificate of ca, which clients may have to
// have one of, too.
func tlsEcho(t *testing.T, ca *certs.Authority, mutual bool) *httptest.Server {
	t.Helper()
	cert, key := issue(t, ca, "127.0.0.1")
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(echoHandler("tls"))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.EnableHTTP2 = true
	if mutual {
		server.TLS.ClientAuth = tls.RequireAndVerifyClientCert
		server.TLS.ClientCAs = x509.NewCertPool()
		server.TLS.ClientCAs.AppendCertsFromPEM(ca.Root())
	}
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// TestUpstreamTLS connects in every way a listener can be set up.
func TestUpstreamTLS(t *testing.T) {
	t.Parallel()
	ca, alien := authority(t), authority(t)
	secure, mutual, plain := tlsEcho(t, ca, false).URL, tlsEcho(t, ca, true).URL, echo(t, "plain").URL
	tests := map[string]struct {
		addr, tls string
		status    int
	}{
		"private CA":               {secure, "root_cas: DIR/ca.pem", http.StatusOK},
		"CA of somebody else":      {secure, "root_cas: DIR/alien.pem", http.StatusBadGateway},
		"CAs of the system":        {secure, "", http.StatusBadGateway},
		"not verified":             {secure, "insecure_skip_verify: true", http.StatusOK},
		"client certificate":       {mutual, "root_cas: DIR/ca.pem, cert: DIR/cert.pem, key: DIR/key.pem", http.StatusOK},
		"no client certificate":    {mutual, "root_cas: DIR/ca.pem", http.StatusBadGateway},
		"another name":             {strings.Replace(secure, "127.0.0.1", "localhost", 1), "root_cas: DIR/ca.pem", http.StatusBadGateway},
		"plain HTTP ignores TLS":   {plain, "root_cas: DIR/alien.pem, insecure_skip_verify: true", http.StatusOK},
		"https to a plain server":  {strings.Replace(plain, "http:", "https:", 1), "insecure_skip_verify: true", http.StatusBadGateway},
		"host:port is plain HTTP":  {strings.TrimPrefix(plain, "http://"), "root_cas: DIR/alien.pem", http.StatusOK},
		"http to a server of TLS":  {strings.Replace(secure, "https:", "http:", 1), "", http.StatusBadRequest},
		"nobody there":             {"https://127.0.0.1:1", "insecure_skip_verify: true", http.StatusBadGateway},
		"scheme that is not known": {"ftp://127.0.0.1", "", http.StatusBadGateway},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			cert, key := issue(t, ca, "client")
			for file, text := range map[string]string{
				"ca.pem": string(ca.Root()), "alien.pem": string(alien.Root()), "cert.pem": cert, "key.pem": key,
			} {
				w.write(file, text)
			}
			w.write("agent.yaml", fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 5s, tls: {%s}}\n",
				test.addr, strings.ReplaceAll(test.tls, "DIR", w.dir)))
			w.start()
			status, body := w.get("/a?b=%zz;c")
			if status != test.status {
				t.Errorf("%d %s, want %d", status, body, test.status)
			}
			if status == http.StatusOK && !strings.Contains(body, `"target":"/a?b=%zz;c"`) {
				t.Errorf("the target did not arrive: %s", body)
			}
			insecure := w.metrics()[`lockstep_upstream_tls_insecure{endpoint="svc"}`] == "1"
			if want := strings.HasPrefix(test.addr, "https") && strings.Contains(test.tls, "insecure"); insecure != want {
				t.Errorf("insecure is %t, want %t", insecure, want)
			}
		})
	}
}
