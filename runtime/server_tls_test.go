package runtime

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
)

// tlsPolicy is plainPolicy with TLS from the directory tls beside it.
const tlsPolicy = `version: 1
listeners:
  svc: {auth: apollo, app: demo, identity: [mtls, peer]}
environments:
  fat: {tier: staging}
runtime: {flush_interval: 20ms, tls: {cert: tls/tls.crt, key: tls/tls.key}}
`

// newSecureWorld has an ingress with a certificate of ca, laid out as by
// cert-manager in a mounted Secret.
func newSecureWorld(t *testing.T, ca *certs.Authority) *world {
	t.Helper()
	w := newWorld(t, echo(t, "up").URL)
	w.write("policy.yaml", tlsPolicy)
	cert, key := issue(t, ca, "svc.example.com")
	w.mountSecret("1", cert, key, string(ca.Root()))
	return w
}

// mountSecret puts files where a kubelet does: in a directory of their own, to
// which ..data is moved at once.
func (w *world) mountSecret(version, cert, key, root string) {
	w.t.Helper()
	dir := w.path("tls/..v" + version)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.t.Fatal(err)
	}
	for name, text := range map[string]string{"tls.crt": cert, "tls.key": key, "ca.crt": root} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
		_ = os.Symlink(filepath.Join("..data", name), w.path("tls/"+name)) // once
	}
	if err := os.Symlink(filepath.Base(dir), w.path("tls/..data_tmp")); err != nil {
		w.t.Fatal(err)
	}
	if err := os.Rename(w.path("tls/..data_tmp"), w.path("tls/..data")); err != nil {
		w.t.Fatal(err)
	}
}

// trusting is how a client connects that trusts a CA.
func trusting(ca *certs.Authority) *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca.Root())
	return &tls.Config{RootCAs: roots, ServerName: "svc.example.com"}
}

// tlsClient speaks HTTP/1.1 over TLS.
func tlsClient(t *testing.T, config *tls.Config) *http.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// getTLS sends a request, and returns the protocol and status of the answer
// and whose certificate it came with.
func (w *world) getTLS(client *http.Client) (answer string, leaf *x509.Certificate, err error) {
	w.t.Helper()
	req := w.request(http.MethodGet, target, http.NoBody)
	req.URL.Scheme = "https"
	resp, err := client.Do(req)
	if err != nil {
		return "", nil, err
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.Proto + " " + resp.Status, resp.TLS.PeerCertificates[0], nil
}

// shown is the certificate that a new connection gets, nil if there is none.
func (w *world) shown(config *tls.Config) *x509.Certificate {
	w.t.Helper()
	c, err := (&tls.Dialer{Config: config}).DialContext(w.t.Context(), "tcp", w.server.Addr())
	if err != nil {
		return nil
	}
	defer c.Close()
	return c.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

func TestServerTLS(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	w := newSecureWorld(t, ca).start()
	for proto, client := range map[string]*http.Client{
		"HTTP/1.1": tlsClient(t, trusting(ca)), "HTTP/2.0": http2Client(t, trusting(ca)),
	} {
		if answer, _, err := w.getTLS(client); answer != proto+" 200 OK" {
			t.Errorf("%s %v, want %s", answer, err, proto)
		}
		client.CloseIdleConnections()
	}
	old := trusting(ca)
	old.MaxVersion = tls.VersionTLS11
	if w.shown(old) != nil {
		t.Error("TLS 1.1 is spoken")
	}
	if status := w.rawTLS(trusting(ca), "POST /a HTTP/1.1\r\nHost: svc.example.com\r\n"+
		"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"); !strings.HasPrefix(status, "HTTP/1.1 400 ") {
		t.Errorf("over TLS, two lengths get %q", status)
	}
	cert := w.shown(trusting(ca))
	name := `lockstep_tls_cert_not_after_timestamp_seconds{file="` + w.path("tls/tls.crt") + `",listener="ingress"}`
	if got, err := strconv.ParseFloat(w.metrics()[name], 64); err != nil || int64(got) != cert.NotAfter.Unix() {
		t.Errorf("the certificate ends %v, the metric says %v, %v", cert.NotAfter.Unix(), got, err)
	}
}

// rawTLS sends bytes over TLS and returns the first line of the answer.
func (w *world) rawTLS(config *tls.Config, text string) string {
	w.t.Helper()
	c, err := (&tls.Dialer{Config: config}).DialContext(w.t.Context(), "tcp", w.server.Addr())
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, text)
	answer, _ := io.ReadAll(c)
	line, _, _ := strings.Cut(string(answer), "\r\n")
	return line
}

// TestCertificateSwap replaces the certificate as cert-manager does. What is
// connected stays connected.
func TestCertificateSwap(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	w := newSecureWorld(t, ca).start()
	clients := []*http.Client{tlsClient(t, trusting(ca)), http2Client(t, trusting(ca))}
	for _, client := range clients {
		if _, _, err := w.getTLS(client); err != nil {
			t.Fatal(err)
		}
	}
	first := w.shown(trusting(ca))
	for _, version := range []string{"2", "3"} {
		cert, key := issue(t, ca, "svc.example.com")
		before := w.shown(trusting(ca))
		w.mountSecret(version, cert, key, string(ca.Root()))
		w.eventually("new certificate", func() bool { return !w.shown(trusting(ca)).Equal(before) })
	}
	for _, client := range clients {
		if _, leaf, err := w.getTLS(client); err != nil || !leaf.Equal(first) {
			t.Errorf("the connection did not survive: %v", err)
		}
		client.CloseIdleConnections()
	}
}

// TestCertificateBeforeItsKey swaps the two files one after the other. Until
// both are there the old pair is shown, and nobody is woken up.
func TestCertificateBeforeItsKey(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	w := newSecureWorld(t, ca)
	w.hold = 1500 * time.Millisecond
	w.start()
	first := w.shown(trusting(ca))
	cert, key := issue(t, ca, "svc.example.com")
	w.replace("tls/tls.crt", cert)
	for range 10 {
		time.Sleep(20 * time.Millisecond) // as the one who copies the files
		if !w.shown(trusting(ca)).Equal(first) {
			t.Fatal("a certificate is shown without its key")
		}
	}
	w.replace("tls/tls.key", key)
	w.eventually("new pair", func() bool { return !w.shown(trusting(ca)).Equal(first) })
	if log := w.log.String(); strings.Contains(log, "cannot be used") || w.server.Status().Err != nil {
		t.Errorf("the moment between two files was reported: %s", log)
	}
}

// TestBadCertificate keeps the last good pair, says so, and lets everything
// else change.
func TestBadCertificate(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	w := newSecureWorld(t, ca).start()
	first := w.shown(trusting(ca))
	w.replace("tls/tls.key", "canary-no-key")
	w.applied(1)
	w.replace("agent.yaml", strings.Replace(w.read("agent.yaml"), "endpoint_id: svc", "endpoint_id: moved", 1))
	w.applied(2)
	if !w.shown(trusting(ca)).Equal(first) {
		t.Error("the last good pair is not shown")
	}
	alarms := strings.Join(w.server.Status().Alarms, "\n")
	if !strings.Contains(alarms, "those loaded before stay: key") || strings.Contains(alarms, "canary") {
		t.Errorf("alarms %s", alarms)
	}
	w.replace("policy.yaml", strings.Replace(tlsPolicy, ", tls: {cert: tls/tls.crt, key: tls/tls.key}", "", 1))
	w.applied(3)
	if !w.shown(trusting(ca)).Equal(first) || !strings.Contains(strings.Join(w.server.Status().Alarms, "\n"), "restart") {
		t.Errorf("an edit took TLS away; alarms %v", w.server.Status().Alarms)
	}
}

// TestTLSComesWithAnEdit has an ingress without TLS get it. Who is connected
// goes on as before.
func TestTLSComesWithAnEdit(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	w := newSecureWorld(t, ca)
	w.write("policy.yaml", plainPolicy)
	w.start()
	if status, _ := w.get(target); status != http.StatusOK {
		t.Fatal(status)
	}
	w.replace("policy.yaml", tlsPolicy)
	w.eventually("TLS", func() bool { return w.shown(trusting(ca)) != nil })
	if status, _ := w.get(target); status != http.StatusOK {
		t.Errorf("the old connection gets %d", status)
	}
}

// TestBadCertificateAtStart refuses to start, with the file and without its
// content.
func TestBadCertificateAtStart(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	for name, test := range map[string]struct{ spoil, want string }{
		"tls.crt": {"canary", `cert "`},
		"tls.key": {"-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----\n", `key "`},
		"ca.crt":  {"canary", "client_ca: "},
	} {
		w := newSecureWorld(t, ca)
		w.write("policy.yaml", strings.Replace(tlsPolicy, "tls.key}", "tls.key, client_ca: tls/ca.crt}", 1))
		w.replace("tls/"+name, test.spoil)
		server, err := New(w.opts)
		if err != nil {
			t.Fatal(err)
		}
		err = server.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), "runtime.tls: "+test.want) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestClientCertificates takes only callers with one, and names them by it.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	ca, alien := authority(t), authority(t)
	w := newSecureWorld(t, ca)
	w.write("policy.yaml", strings.Replace(tlsPolicy, "tls.key}", "tls.key, client_ca: tls/ca.crt}", 1))
	w.start()
	with := func(issuer *certs.Authority) *tls.Config {
		cert, key := issue(t, issuer, "workload-7")
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		config := trusting(ca)
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		return config
	}
	for _, client := range []*http.Client{tlsClient(t, with(ca)), http2Client(t, with(ca))} {
		if answer, _, err := w.getTLS(client); !strings.HasSuffix(answer, " 200 OK") {
			t.Errorf("%s %v", answer, err)
		}
		client.CloseIdleConnections()
	}
	for name, config := range map[string]*tls.Config{"none": trusting(ca), "of somebody else": with(alien)} {
		if answer, _, err := w.getTLS(tlsClient(t, config)); err == nil {
			t.Errorf("a caller whose certificate is %s gets %s", name, answer)
		}
	}
	w.eventually("warning of a handshake", func() bool {
		return strings.Contains(w.log.String(), `"TLS handshake failed","from":"127.0.0.1:`)
	})
	w.stop()
	if got := tallied(w.events(w.opts.Events))["key/demo workload-7 verified fail missing"]; got != 2 {
		t.Errorf("tallies %v", tallied(w.events(w.opts.Events)))
	}
}

// TestIngressAlarms says what an edit cannot do, and what it leaves undone.
func TestIngressAlarms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL).start()
	edit := strings.Replace(plainPolicy, "20ms}", "20ms, limits: {header_bytes: 8192}}", 1)
	w.replace("policy.yaml", strings.Replace(edit, "app: demo", "app: demo, identity: [mtls]", 1))
	w.applied(1)
	alarms := strings.Join(w.server.Status().Alarms, "\n")
	for _, want := range []string{"limits of headers in the policy are new", "listener svc: nobody is identified by mtls"} {
		if !strings.Contains(alarms, want) {
			t.Errorf("no %q among %s", want, alarms)
		}
	}
}
