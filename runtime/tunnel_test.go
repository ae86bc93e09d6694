package runtime

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/runtime/pikolink/pikotest"
)

// pikoWorld is a world whose requests come in through a Piko server alone.
func pikoWorld(t *testing.T, s *pikotest.Server, listeners ...string) *world {
	t.Helper()
	w := newWorld(t, "")
	w.opts.Piko, w.opts.Listen = true, ""
	w.write("agent.yaml", pikoConfig(s, "", listeners...))
	return w
}

// pikoConfig has listeners as triples of endpoint, addr and protocol.
func pikoConfig(s *pikotest.Server, token string, listeners ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "connect: {url: %q, token: %q, timeout: 5s}\ngrace_period: 5s\nlisteners:\n", s.URL, token)
	for i := 0; i < len(listeners); i += 3 {
		fmt.Fprintf(&b, "  - {endpoint_id: %s, addr: %q, protocol: %s, timeout: 5s}\n", listeners[i], listeners[i+1], listeners[i+2])
	}
	return b.String()
}

// registered waits until as many sessions serve an endpoint.
func (w *world) registered(s *pikotest.Server, endpoint string, count int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("%d sessions of %s", count, endpoint), func() bool { return s.Sessions(endpoint) == count })
}

// ask sends a request to the proxy of a Piko server.
func ask(t *testing.T, s *pikotest.Server, endpoint, target string, headers ...string) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.Proxy+target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Piko-Endpoint", endpoint)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// TestPikoOff dials nothing, whatever connect says.
func TestPikoOff(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s, "svc", "9", "http")
	w.opts.Piko, w.opts.Listen = false, "127.0.0.1:0"
	w.start()
	w.replace("agent.yaml", pikoConfig(s, "", "svc", "8", "http"))
	w.applied(1)
	if len(s.Asked()) != 0 || w.listener("svc").Piko != nil {
		t.Error("a listener was registered")
	}
}

// TestPiko leads requests by the session that they came with, and passes
// target and headers on as they are.
func TestPiko(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s, "svc", echo(t, "a").URL, "http", "other", echo(t, "b").URL, "http")
	w.write("policy.yaml", "version: 1\nenvironments: {fat: {tier: staging}}\n")
	w.start()
	w.registered(s, "svc", 1)
	w.registered(s, "other", 1)
	const odd = "/a%2Fb//c;x=1?q=%zz&r=a;b&s=%20+%C3%A9"
	status, body := ask(t, s, "svc", odd, "Authorization", "Apollo demo:x", "Timestamp", "1700000000000", "X-Forwarded-For", "192.0.2.1")
	var got struct {
		Name, Target, Host string
		Header             http.Header
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if got.Name != "a" || got.Target != odd || got.Host != strings.TrimPrefix(s.Proxy, "http://") {
		t.Errorf("arrived %+v", got)
	}
	for name, want := range map[string]string{
		"Authorization": "Apollo demo:x", "Timestamp": "1700000000000",
		"X-Forwarded-For": "192.0.2.1, 127.0.0.1, 127.0.0.1", // of the client, of the server, ours
		"X-Piko-Endpoint": "",
	} {
		if value := got.Header.Get(name); value != want {
			t.Errorf("%s is %q, want %q", name, value, want)
		}
	}
	if l := w.listener("svc"); l.Piko == nil || !l.Piko.Up || w.server.Addr() != "" {
		t.Errorf("listener %+v", l)
	}
}

// TestPikoEndpoint is that of the session, whatever a header says: the server
// passes on what the client wrote where Host decided.
func TestPikoEndpoint(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s, "svc", echo(t, "a").URL, "http", "other", echo(t, "b").URL, "http")
	w.start()
	w.registered(s, "other", 1)
	c, err := s.Dial(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: svc.example.com\r\nX-Piko-Endpoint: svc\r\nConnection: close\r\n\r\n")
	answer, _ := io.ReadAll(c)
	if !strings.Contains(string(answer), `"name":"b"`) {
		t.Errorf("answered %s", answer)
	}
}

// TestPikoIdentity knows clients by what the server says of them, and a proxy
// before it by the policy.
func TestPikoIdentity(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		identity, proxies, forwarded, want string
	}{
		"peer":                 {"[peer]", "[]", "", "127.0.0.1 verified"},
		"peer, forged":         {"[peer]", "[]", "192.0.2.7", "127.0.0.1 verified"},
		"xff, no proxy before": {"[xff, peer]", "[]", "192.0.2.7", "127.0.0.1 verified"},
		"xff, proxy before":    {"[xff, peer]", "[127.0.0.0/8]", "192.0.2.6, 192.0.2.7", "192.0.2.7 verified"},
		"header":               {"['header:x-workload', peer]", "[]", "", "w1 claimed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := pikotest.Start(t, pikotest.Options{})
			w := pikoWorld(t, s, "svc", echo(t, "a").URL, "http")
			w.write("policy.yaml", fmt.Sprintf("version: 1\nenvironments: {fat: {tier: staging}}\nlisteners:\n  svc: {auth: apollo, app: demo, identity: %s}\n"+
				"runtime: {flush_interval: 20ms, trusted_proxies: %s}\n", test.identity, test.proxies))
			w.start()
			w.registered(s, "svc", 1)
			headers := sign(t, secret1, target)
			headers = append(headers, "X-Workload", "w1")
			if test.forwarded != "" {
				headers = append(headers, "X-Forwarded-For", test.forwarded)
			}
			if status, body := ask(t, s, "svc", target, headers...); status != http.StatusOK {
				t.Fatalf("%d %s", status, body)
			}
			w.eventually("tally", func() bool { return tallied(w.events(w.opts.Events))["key/demo/k1 "+test.want+" ok"] == 1 })
		})
	}
}

// TestPikoEnforce refuses behind the tunnel what it refuses at an address.
func TestPikoEnforce(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s, "svc", echo(t, "a").URL, "http")
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	w.registered(s, "svc", 1)
	if status, body := ask(t, s, "svc", target); status != http.StatusUnauthorized {
		t.Errorf("unsigned: %d %s", status, body)
	}
	if status, body := ask(t, s, "svc", target, sign(t, secret1, target)...); status != http.StatusOK {
		t.Errorf("signed: %d %s", status, body)
	}
}

// TestPikoTCP leads raw connections, with no address in the policy.
func TestPikoTCP(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	a, b := tcpUpstream(t, "a"), tcpUpstream(t, "b")
	w := pikoWorld(t, s, "db", a, "tcp", "svc", echo(t, "x").URL, "http")
	w.start()
	w.registered(s, "db", 1)
	first := dialPiko(t, s, "db")
	if first.name != "a" || !first.echoes() {
		t.Errorf("led to %q", first.name)
	}
	w.replace("agent.yaml", pikoConfig(s, "", "db", b, "tcp", "svc", echo(t, "x").URL, "http"))
	w.applied(1)
	if second := dialPiko(t, s, "db"); second.name != "b" {
		t.Errorf("after the change led to %q", second.name)
	}
	if !first.echoes() {
		t.Error("the first connection did not survive")
	}
	_ = first.Close() // half: the upstream says goodbye
	if rest, err := io.ReadAll(first.r); string(rest) != "bye\n" || err != nil {
		t.Errorf("after the end of the client came %q, %v", rest, err)
	}
	w.replace("agent.yaml", pikoConfig(s, "", "db", echo(t, "y").URL, "http", "svc", echo(t, "x").URL, "http"))
	w.applied(2)
	if status, body := ask(t, s, "db", "/"); status != http.StatusOK || !strings.Contains(body, `"name":"y"`) {
		t.Errorf("as http: %d %s", status, body)
	}
	if len(s.Asked()) != 2 {
		t.Errorf("%d registrations, want one for each listener", len(s.Asked()))
	}
}

// dialPiko connects through the server.
func dialPiko(t *testing.T, s *pikotest.Server, endpoint string) *pikoClient {
	t.Helper()
	c, err := s.Dial(t.Context(), endpoint)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	client := &pikoClient{Conn: c, r: bufio.NewReader(c)}
	client.name, _ = client.r.ReadString('\n')
	client.name = strings.TrimSpace(client.name)
	return client
}

// TestPikoHot adds, removes and changes listeners. No session is touched but
// those that come and go.
func TestPikoHot(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	a, b := echo(t, "a").URL, echo(t, "b").URL
	w := pikoWorld(t, s, "svc", a, "http")
	w.start()
	w.registered(s, "svc", 1)
	w.replace("agent.yaml", pikoConfig(s, "", "svc", b, "http", "new", a, "http", "svc", a, "http"))
	w.registered(s, "new", 1)
	w.registered(s, "svc", 2)
	w.replace("agent.yaml", pikoConfig(s, "", "svc", b, "http"))
	w.registered(s, "new", 0)
	w.registered(s, "svc", 1)
	if status, body := ask(t, s, "svc", "/"); status != http.StatusOK || !strings.Contains(body, `"name":"b"`) {
		t.Errorf("%d %s", status, body)
	}
	if got := w.listener("svc").Piko; got.Sessions != 1 || len(s.Asked()) != 3 {
		t.Errorf("%+v, %d registrations", got, len(s.Asked()))
	}
}

// TestPikoConnect follows what the config says of the server: a token that is
// refused is an error of the listener, and the session there is stays.
func TestPikoConnect(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{Token: "canary-token"})
	a := echo(t, "a").URL
	w := pikoWorld(t, s, "svc", a, "http")
	w.start()
	w.eventually("refusal", func() bool { return w.listener("svc").Piko.Err != nil })
	if err := w.listener("svc").Err; err != nil || !w.server.ready.Load() {
		t.Errorf("the process suffers: %v", err)
	}
	w.replace("agent.yaml", pikoConfig(s, "canary-token", "svc", a, "http"))
	w.registered(s, "svc", 1)
	w.eventually("end of the error", func() bool { return w.listener("svc").Piko.Err == nil })
	w.replace("agent.yaml", pikoConfig(s, "canary-other", "svc", a, "http"))
	w.eventually("refusal", func() bool { return w.listener("svc").Piko.Err != nil })
	if status, _ := ask(t, s, "svc", "/"); status != http.StatusOK || !w.listener("svc").Piko.Up {
		t.Errorf("status %d while another token is refused", status)
	}
	number := w.server.Status().Good.Number
	w.replace("agent.yaml", strings.Replace(pikoConfig(s, "", "svc", a, "http"), s.URL, "ftp://piko", 1))
	if err := w.rejected(); !strings.Contains(err, "agent.yaml:1:") || !strings.Contains(err, "connect.url has no scheme") {
		t.Error(err)
	}
	if w.server.Status().Good.Number != number {
		t.Error("a config that leads nowhere was applied")
	}
	if strings.Contains(w.log.String(), "canary") {
		t.Error(w.log.String())
	}
}

// TestPikoStop lets requests under way finish, both of HTTP and of TCP, and
// has the server send no more.
func TestPikoStop(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	arrived, leave := make(chan struct{}, 1), make(chan struct{})
	w := pikoWorld(t, s, "svc", slowUpstream(t, arrived, leave), "http", "db", tcpUpstream(t, "a"), "tcp", "idle", "9", "http")
	w.start()
	for _, endpoint := range []string{"svc", "db", "idle"} {
		w.registered(s, endpoint, 1)
	}
	raw := dialPiko(t, s, "db")
	var under sync.WaitGroup
	under.Go(func() {
		if status, body := ask(t, s, "svc", "/"); status != http.StatusOK {
			t.Errorf("the request under way got %d %s", status, body)
		}
	})
	<-arrived
	under.Go(func() {
		if err := w.server.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	w.registered(s, "idle", 0)
	w.eventually("word at the server", func() bool {
		c, err := s.Dial(t.Context(), "svc")
		if err == nil {
			_ = c.Close()
		}
		return err != nil
	})
	if !raw.echoes() {
		t.Error("the connection under way was cut")
	}
	_ = raw.Close()
	close(leave)
	under.Wait()
	w.registered(s, "db", 0)
}

// TestPikoMetrics shows each session.
func TestPikoMetrics(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s, "svc", "9", "http")
	w.start()
	w.eventually("session", func() bool { return w.metrics()[`lockstep_piko_session_up{listener="svc"}`] == "1" })
	s.Rebalance()
	w.eventually("second session", func() bool { return w.metrics()[`lockstep_piko_sessions_total{listener="svc"}`] == "2" })
	addr := s.Addr()
	s.Stop()
	w.eventually("loss", func() bool { return w.metrics()[`lockstep_piko_session_up{listener="svc"}`] == "0" })
	again := pikotest.Start(t, pikotest.Options{Addr: addr})
	w.registered(again, "svc", 1)
}

// TestPikoBesideAddress serves both ways at once.
func TestPikoBesideAddress(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s, "svc", echo(t, "a").URL, "http")
	w.opts.Listen = "127.0.0.1:0"
	w.start()
	w.registered(s, "svc", 1)
	if status, _ := w.get(target); status != http.StatusOK {
		t.Errorf("at the address %d", status)
	}
	if status, _ := ask(t, s, "svc", target); status != http.StatusOK {
		t.Errorf("through piko %d", status)
	}
}

// TestPikoWithoutToken does not show up with the placeholder of a kept config.
func TestPikoWithoutToken(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{Token: "canary-token"})
	w := pikoWorld(t, s)
	w.write("agent.yaml", pikoConfig(s, "canary-token", "svc", "9", "http"))
	w.opts.State = w.path("state")
	w.start()
	w.registered(s, "svc", 1)
	w.stop()
	w.write("agent.yaml", "listeners: [")
	asked := len(s.Asked())
	next := &world{t: t, dir: w.dir, opts: w.opts, log: w.log, client: w.client, hold: w.hold}
	next.start()
	if alarms := strings.Join(next.server.Status().Alarms, "\n"); !strings.Contains(alarms, "no listener is registered at piko") {
		t.Errorf("alarms %s", alarms)
	}
	if len(s.Asked()) != asked {
		t.Error("it registered without a token")
	}
	next.write("agent.yaml", pikoConfig(s, "canary-token", "svc", "9", "http"))
	next.registered(s, "svc", 1)
}

// A pikoClient is a raw connection through Piko and who answers on it.
type pikoClient struct {
	net.Conn
	r    *bufio.Reader
	name string // of the upstream
}

// echoes reports whether the connection is alive.
func (c *pikoClient) echoes() bool {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintln(c, "ping")
	line, err := c.r.ReadString('\n')
	return err == nil && line == "ping\n"
}

// TestPikoAgent honours what the config says of the agent itself.
func TestPikoAgent(t *testing.T) {
	t.Parallel()
	s := pikotest.Start(t, pikotest.Options{})
	w := pikoWorld(t, s)
	ops, level := freeAddr(t), new(slog.LevelVar)
	w.opts.Metrics, w.opts.Level = "", level
	text := func(server, log string) string {
		return "server: " + server + "\nlog: " + log + "\n" + pikoConfig(s, "", "svc", "9", "http")
	}
	w.write("agent.yaml", text(fmt.Sprintf("{enabled: true, bind_addr: %q}", ops), "{level: warn}"))
	w.start()
	if level.Level() != slog.LevelWarn || w.server.MetricsAddr() != ops {
		t.Errorf("level %v, metrics at %s", level.Level(), w.server.MetricsAddr())
	}
	if status, _ := w.ops("/metrics"); status != http.StatusOK {
		t.Errorf("metrics answer %d", status)
	}
	w.replace("agent.yaml", text("{enabled: false}", "{level: debug, subsystems: [proxy]}"))
	w.applied(1)
	alarms := strings.Join(w.server.Status().Alarms, "\n")
	if level.Level() != slog.LevelDebug || !strings.Contains(alarms, "below `server` is new") || !strings.Contains(alarms, "log.subsystems") {
		t.Errorf("level %v, alarms %s", level.Level(), alarms)
	}
}
