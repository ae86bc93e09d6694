package runtime

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// listenerLine is a listener of [listenersConfig].
func listenerLine(id, addr, more string) string {
	return fmt.Sprintf("{endpoint_id: %s, addr: %q, timeout: 5s%s}", id, addr, more)
}

func listenersConfig(lines ...string) string {
	return "listeners:\n  - " + strings.Join(lines, "\n  - ") + "\ngrace_period: 5s\n"
}

// from tells which upstream answers for an endpoint, or with what status none does.
func (w *world) from(endpoint string) string {
	w.t.Helper()
	status, body := w.send(http.MethodGet, endpoint, "/")
	for name := range strings.SplitSeq(body, `"name":"`) {
		if name, _, found := strings.Cut(name, `"`); found && status == http.StatusOK && name != "{" {
			body = name
		}
	}
	if status != http.StatusOK {
		return fmt.Sprint(status)
	}
	return body
}

// TestHoldOne breaks the listener b in the same edit that moves the listener
// a. Wherever the fault is, b goes on as before and a moves, until b is mended.
func TestHoldOne(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entry  string // of b; ADDR is another upstream than before
		policy string
		want   string
	}{
		"unknown key":       {entry: `{endpoint_id: b, addr: ADDR, timout: 5s}`, want: `agent.yaml:3:`},
		"wrong type":        {entry: `{endpoint_id: b, addr: ADDR, timeout: 5}`, want: `agent.yaml:3:`},
		"key twice":         {entry: `{endpoint_id: b, addr: ADDR, addr: ADDR, timeout: 5s}`, want: `is there already`},
		"no address":        {entry: `{endpoint_id: b, addr: nothing, timeout: 5s}`, want: "addr is no address"},
		"no timeout":        {entry: `{endpoint_id: b, addr: ADDR}`, want: "timeout is missing"},
		"no known protocol": {entry: `{endpoint_id: b, addr: ADDR, timeout: 5s, protocol: udp}`, want: "protocol is neither"},
		"two slashes":       {entry: `{endpoint_id: b, addr: "http://h//p", timeout: 5s}`, want: "two slashes"},
		"missing file":      {entry: `{endpoint_id: b, addr: ADDR, timeout: 5s, tls: {root_cas: none.pem}}`, want: `root_cas "none.pem": no such file`},
		"gate":              {entry: `{endpoint_id: b, addr: ADDR, timeout: 5s, http_client: {max_idle_conns: 1}}`, want: "agent.yaml:9:9: no"},
		"callers": {
			entry: `{endpoint_id: b, addr: ADDR/path, timeout: 5s}`, policy: "version: 1\nlisteners: {b: {auth: apollo, app_from: apollo}}\n",
			want: "agent.yaml:3:28: addr has a path or query",
		},
		"no mapping": {entry: `5`, want: "agent.yaml:3:5"},
		"no id":      {entry: `{addr: ADDR, timeout: 5s}`, want: "b is missing, and this may be it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, two := echo(t, "one").URL, echo(t, "two").URL
			w := newWorld(t, "")
			w.opts.Rollout = ""
			w.opts.Gate = refuseIdle
			w.write("agent.yaml", listenersConfig(listenerLine("a", one, ""), listenerLine("b", one, "")))
			w.start()
			if test.policy != "" {
				w.replace("policy.yaml", test.policy)
				w.applied(1)
			}
			number, version := w.server.Status().Good.Number, w.listener("b").Version
			broken := listenersConfig(listenerLine("a", two, ""), strings.ReplaceAll(test.entry, "ADDR", two))
			w.replace("agent.yaml", broken)
			if err := w.held(number, "b"); !strings.Contains(err, test.want) {
				t.Errorf("held for %q, want %q", err, test.want)
			}
			if a, b := w.from("a"), w.from("b"); a != "two" || b != "one" {
				t.Errorf("a is served by %s and b by %s, want two and one", a, b)
			}
			w.checkHeld("a", "b", version)
			w.replace("agent.yaml", listenersConfig(listenerLine("a", two, ""), listenerLine("b", two, ", access_log: {disable: true}")))
			w.applied(number + 1)
			if b := w.from("b"); b != "two" {
				t.Errorf("once mended, b is served by %s", b)
			}
		})
	}
}

// refuseIdle is a gate that refuses the listeners with one idle connection.
func refuseIdle(c Candidate) Admission {
	var agent schemas.Agent
	if err := c.Document.Root.Decode(&agent); err != nil {
		return Admission{Refusals: []Refusal{{WholeConfig, err}}}
	}
	var a Admission
	for i, l := range agent.Listeners {
		if l.HTTPClient.MaxIdleConns == 1 {
			a.Refusals = append(a.Refusals, Refusal{Listener: i, Err: errors.New("agent.yaml:9:9: no")})
		}
	}
	return a
}

// checkHeld compares status, metrics and log with one good listener and one
// that is held at a version.
func (w *world) checkHeld(good, held string, version int) {
	w.t.Helper()
	number := w.server.Status().Good.Number
	before, after := w.listener(held), w.listener(good)
	if before.Version != version || before.Updated.After(before.Attempt) || before.EndpointID != held {
		w.t.Errorf("the held listener has the status %+v", before)
	}
	if after.Version != number || after.Err != nil || after.Attempt != after.Updated {
		w.t.Errorf("version %d: the good listener has the status %+v", number, after)
	}
	metrics := w.metrics()
	for name, want := range map[string]string{
		"lockstep_config_last_reload_successful":                        "0",
		fmt.Sprintf("lockstep_listener_config_good{listener=%q}", held): "0",
		fmt.Sprintf("lockstep_listener_config_good{listener=%q}", good): "1",
		fmt.Sprintf("lockstep_listener_generation{listener=%q}", held):  fmt.Sprint(version),
		fmt.Sprintf("lockstep_listener_generation{listener=%q}", good):  fmt.Sprint(number),
	} {
		if metrics[name] != want {
			w.t.Errorf("%s is %q, want %s", name, metrics[name], want)
		}
	}
	if status, _ := w.ops("/readyz"); status != http.StatusOK {
		w.t.Errorf("a held listener makes the process unready: %d", status)
	}
	if n := strings.Count(w.log.String(), fmt.Sprintf(`"listener":%q,`, held)); n != 1 {
		w.t.Errorf("the hold was logged %d times:\n%s", n, w.log.String())
	}
}

// TestHoldIsQuiet has a held listener looked at again, and another one edited:
// the former is logged once per version, and delays nobody.
func TestHoldIsQuiet(t *testing.T) {
	t.Parallel()
	one, two := echo(t, "one").URL, echo(t, "two").URL
	w := newWorld(t, "")
	w.hold = time.Hour // for a writer to finish what is not there
	w.write("agent.yaml", listenersConfig(listenerLine("a", one, ""), "{endpoint_id: b}"))
	w.start()
	w.server.Reload()
	w.eventually("second look", func() bool {
		return w.metrics()[`lockstep_config_reloads_total{result="unchanged"}`] == "1"
	})
	if n := strings.Count(w.log.String(), "the listener is held"); n != 1 {
		t.Errorf("the hold was logged %d times", n)
	}
	if good := w.metrics()["lockstep_config_last_reload_successful"]; good != "0" {
		t.Errorf("after a second look the files count as %s", good)
	}
	w.replace("agent.yaml", "# b is a line further down\n"+listenersConfig(listenerLine("a", two, ""), "{endpoint_id: b}"))
	w.eventually("new version", func() bool { return w.server.Status().Good.Number == 2 })
	took := w.metrics()["lockstep_config_reload_duration_seconds_count"]
	if a := w.from("a"); a != "two" || took != "1" {
		t.Errorf("a is served by %s after %s attempts", a, took)
	}
}

// TestStartHolds starts with faults of single listeners: they alone are refused.
func TestStartHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	up := echo(t, "up").URL
	w.write("agent.yaml", listenersConfig(
		listenerLine("a", up, ""), "{endpoint_id: svc, addr: 80}", listenerLine("svc", "nothing", ""), "{endpoint_id: 7, timeout: [1]}", "{addr: 80, timeout: 1s}"))
	w.start()
	want := map[string]string{
		"a": "", "svc": "agent.yaml:3:5: timeout is missing", "svc#2": "agent.yaml:4:30: addr is no address",
		"7": "agent.yaml:5:", "listeners[4]": "agent.yaml:6:5: endpoint_id is missing",
	}
	for _, l := range w.server.Status().Listeners {
		text := fmt.Sprint(l.Err)
		if want[l.Name] == "" != (l.Err == nil) || !strings.Contains(text, want[l.Name]) || (l.Err != nil) != (l.Version == 0) {
			t.Errorf("%s: version %d, error %v, want %q", l.Name, l.Version, l.Err, want[l.Name])
		}
		delete(want, l.Name)
	}
	if len(want) > 0 {
		t.Errorf("no status of %v", want)
	}
	status, body := w.send(http.MethodGet, "svc", "/")
	if diff := cmp.Diff(`{"error":"listener is held by a fault of its config"}`+"\n", body); status != http.StatusServiceUnavailable || diff != "" {
		t.Errorf("svc answers %d %s", status, diff)
	}
	if a, other := w.from("a"), w.from("other"); a != "up" || other != "502" {
		t.Errorf("a is served by %s, and what is not there answers %s", a, other)
	}
	w.replace("agent.yaml", listenersConfig(listenerLine("svc", up, "")))
	w.applied(1)
	if got := w.from("svc"); got != "up" {
		t.Errorf("once mended, svc answers %s", got)
	}
}

// TestHoldDoesNotOpen edits what guards a listener while it is held.
func TestHoldDoesNotOpen(t *testing.T) {
	t.Parallel()
	const broken = "listeners: [{endpoint_id: svc, addr: 80}]\n"
	enforced := rollout("key/demo/k1", "enforce", "file:k1")
	tests := map[string]struct {
		agent, policy, rollout string
		unsigned, signed       int
	}{
		"nothing else":    {agent: broken, unsigned: 401, signed: 200},
		"auth is none":    {agent: broken, policy: strings.Replace(plainPolicy, "auth: apollo, app: demo", "auth: none", 1), unsigned: 401, signed: 200},
		"another app":     {agent: broken, policy: strings.Replace(plainPolicy, "demo", "other", 1), unsigned: 401, signed: 200},
		"gone from there": {agent: broken, policy: "version: 1\nenvironments: {fat: {tier: staging}}\n", unsigned: 401, signed: 200},
		"key is replaced": {agent: broken, rollout: rollout("key/demo/k1", "disabled", "file:k1", "key/demo/k2", "enforce", "file:k2"), unsigned: 401, signed: 401},
		"key is disabled": {agent: broken, rollout: rollout("key/demo/k1", "disabled", "file:k1"), unsigned: 200, signed: 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, echo(t, "up").URL)
			w.write("k2", secret2)
			w.write("rollout.yaml", enforced)
			w.start()
			for _, edit := range []struct{ file, text string }{ // the listener is held before anything else is edited
				{"agent.yaml", test.agent}, {"policy.yaml", test.policy}, {"rollout.yaml", test.rollout},
			} {
				if edit.text != "" {
					number := w.server.Status().Good.Number
					w.replace(edit.file, edit.text)
					w.eventually("new version", func() bool { return w.server.Status().Good.Number > number })
				}
			}
			w.held(1, "svc")
			for _, expect := range []struct {
				headers []string
				status  int
			}{{nil, test.unsigned}, {sign(t, secret1, target), test.signed}} {
				if status, _ := w.get(target, expect.headers...); status != expect.status {
					t.Errorf("with headers %t: %d, want %d", expect.headers != nil, status, expect.status)
				}
			}
		})
	}
}

// TestNeverGoodIsNeverOpen guards a listener that starts with a fault: nobody
// gets in by any order of edits before its keys do.
func TestNeverGoodIsNeverOpen(t *testing.T) {
	t.Parallel()
	up := echo(t, "up").URL
	w := newWorld(t, "nothing")
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	if status, _ := w.get(target); status != http.StatusServiceUnavailable {
		t.Errorf("never good: %d", status)
	}
	w.replace("agent.yaml", agentConfig(up))
	w.applied(1)
	if status, _ := w.get(target); status != http.StatusUnauthorized {
		t.Errorf("mended: %d", status)
	}
}

// TestHoldOneOfEqual breaks one of two listeners that share an endpoint.
func TestHoldOneOfEqual(t *testing.T) {
	t.Parallel()
	one, two, three := echo(t, "one").URL, echo(t, "two").URL, echo(t, "three").URL
	w := newWorld(t, "")
	w.write("agent.yaml", listenersConfig(listenerLine("svc", one, ""), listenerLine("svc", two, "")))
	w.start()
	both := func(step string, want ...string) {
		t.Helper()
		seen := map[string]bool{w.from("svc"): true, w.from("svc"): true}
		if diff := cmp.Diff(map[string]bool{want[0]: true, want[len(want)-1]: true}, seen); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step, diff)
		}
	}
	both("at first", "one", "two")
	w.replace("agent.yaml", listenersConfig("{endpoint_id: svc, addr: [1]}", listenerLine("svc", three, "")))
	w.held(1, "svc")
	both("the first is broken, the second moves", "one", "three")
	w.replace("agent.yaml", listenersConfig(listenerLine("svc", two, ""), "{endpoint_id: svc, addr: [1]}"))
	w.held(2, "svc#2")
	both("the other way round", "two", "three")
	w.replace("policy.yaml", strings.Replace(plainPolicy, "app: demo", "app: demo, methods: [GET, POST]", 1))
	w.eventually("alarm", func() bool {
		return w.alarmed("listener svc: what the policy says of its callers waits until svc#2 is mended")
	})
	w.replace("agent.yaml", listenersConfig("{endpoint_id: svc, addr: [1]}"))
	w.eventually("removal", func() bool { return len(w.server.Status().Listeners) == 1 })
	both("one is removed, the other broken", "two")
}

// TestRemovedAndRenamed has what is spelled out done, also beside a fault.
func TestRemovedAndRenamed(t *testing.T) {
	t.Parallel()
	up := echo(t, "up").URL
	w := newWorld(t, "")
	w.write("agent.yaml", listenersConfig(listenerLine("a", up, ""), listenerLine("b", up, ""), listenerLine("c", up, "")))
	w.start()
	w.replace("agent.yaml", listenersConfig(listenerLine("a2", up, ""), "{endpoint_id: c}"))
	w.held(1, "c")
	for endpoint, want := range map[string]string{"a": "502", "a2": "up", "b": "502", "c": "up"} {
		if got := w.from(endpoint); got != want {
			t.Errorf("%s answers %s, want %s", endpoint, got, want)
		}
	}
}

// TestDocumentFaults keep every listener, also those that are right.
func TestDocumentFaults(t *testing.T) {
	t.Parallel()
	one, two := echo(t, "one").URL, echo(t, "two").URL
	good := listenersConfig(listenerLine("a", one, ""))
	moved := listenersConfig(listenerLine("a", two, ""))
	for name, text := range map[string]string{
		"top level key":       moved + "logs: {}\n",
		"top level type":      strings.Replace(moved, "grace_period: 5s", "grace_period: 5", 1),
		"beside a listener's": moved + "logs: {}\nconnect: {}\n",
		"no listeners":        "listeners: []\n",
		"aliases":             "listeners:\n  - &a {endpoint_id: a, addr: 80, timeout: 5s, tls: *a}\n",
	} {
		w := newWorld(t, "")
		w.write("agent.yaml", good)
		w.start()
		w.replace("agent.yaml", text)
		w.rejected()
		if a := w.from("a"); a != "one" || w.listener("a").Err != nil {
			t.Errorf("%s: a is served by %s, %v", name, a, w.listener("a").Err)
		}
	}
}

// TestAdmittedAgain goes back to files that were applied when the gate, which
// may know of dates, has changed its mind.
func TestAdmittedAgain(t *testing.T) {
	t.Parallel()
	one, two := echo(t, "one").URL, echo(t, "two").URL
	w := newWorld(t, one)
	late := make(chan struct{})
	w.opts.Gate = func(Candidate) Admission {
		select {
		case <-late:
			return Admission{Refusals: []Refusal{{Listener: 0, Err: errors.New("expired")}}}
		default:
			return Admission{}
		}
	}
	w.start()
	w.replace("agent.yaml", agentConfig(two))
	w.applied(1)
	close(late)
	w.replace("agent.yaml", agentConfig(one))
	w.applied(2)
	if got := w.from("svc"); got != "one" || !w.alarmed("expired") {
		t.Errorf("svc is served by %s, alarms %q", got, w.server.Status().Alarms)
	}
	w.replace("agent.yaml", agentConfig(two+"/new"))
	if err := w.held(3, "svc"); err != "expired" {
		t.Errorf("what is new is held for %q", err)
	}
}

// TestHoldTCP breaks a listener of raw TCP in the same ways.
func TestHoldTCP(t *testing.T) {
	t.Parallel()
	for name, entry := range map[string]string{
		"decoder": "{endpoint_id: db, addr: 1, protocol: tcp, timeout: 5}",
		"builder": "{endpoint_id: db, addr: 1, protocol: tcp}",
		"gate":    "{endpoint_id: db, addr: 1, protocol: tcp, timeout: 5s, http_client: {max_idle_conns: 1}}",
		"no id":   "{endpoint: db, addr: 1, protocol: tcp, timeout: 5s}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			addr := freeAddr(t)
			w := newWorld(t, "")
			w.opts.Gate = refuseIdle
			w.write("agent.yaml", tcpConfig("db", tcpUpstream(t, "a")))
			w.write("policy.yaml", listenPolicy("db", addr))
			w.start()
			w.replace("agent.yaml", listenersConfig(listenerLine("svc", echo(t, "up").URL, ""), entry))
			w.held(1, "db")
			w.reaches(addr, "a")
			if got := w.from("svc"); got != "up" || w.listener("db").Version != 1 {
				t.Errorf("svc is served by %s, db is %+v", got, w.listener("db"))
			}
		})
	}
}

// TestCheckBesideServer checks the files of a server that runs: its addresses
// and its state directory are taken, its event log grows, and none of that is
// touched.
func TestCheckBesideServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.opts.State = w.path("state")
	w.start()
	opts := w.opts
	opts.Listen, opts.Metrics, opts.Events = w.server.Addr(), w.server.MetricsAddr(), w.path("nowhere/events")
	for range 3 {
		status, err := Check(opts)
		if err != nil || len(status.Listeners) != 1 || status.Listeners[0].Err != nil {
			t.Fatalf("check: %+v, %v", status, err)
		}
	}
	w.write("agent.yaml", listenersConfig("{endpoint_id: svc}"))
	status, err := Check(opts)
	if err != nil || len(status.Listeners) != 1 || status.Listeners[0].Err == nil {
		t.Errorf("check of a fault: %+v, %v", status, err)
	}
	if got := w.from("svc"); got != "up" {
		t.Errorf("svc answers %s", got)
	}
	opts.Config = w.path("none.yaml")
	if _, err := Check(opts); !errors.Is(err, ErrUnreadable) {
		t.Errorf("check of no file: %v", err)
	}
}

// TestHoldProtocol changes the protocol of two listeners in edits that break
// them as well: both stay what they were.
func TestHoldProtocol(t *testing.T) {
	t.Parallel()
	addr, up := freeAddr(t), echo(t, "up").URL
	w := newWorld(t, "")
	w.write("agent.yaml", listenersConfig("{endpoint_id: db, addr: '"+tcpUpstream(t, "a")+"', protocol: tcp, timeout: 5s}", listenerLine("web", up, "")))
	w.write("policy.yaml", listenPolicy("db", addr))
	w.start()
	w.replace("agent.yaml", listenersConfig("{endpoint_id: db, addr: nothing, timeout: 5s}", "{endpoint_id: web, addr: 80, protocol: tcp, timeout: 5s}"))
	for name, want := range map[string]string{"db": "addr is no address", "web": "listen is missing"} {
		if err := w.held(1, name); !strings.Contains(err, want) {
			t.Errorf("%s is held for %q, want %q", name, err, want)
		}
	}
	w.reaches(addr, "a")
	if got := w.from("web"); got != "up" {
		t.Errorf("web answers %s", got)
	}
	w.replace("agent.yaml", listenersConfig(listenerLine("db", up, ""), "{endpoint_id: web, addr: '"+tcpUpstream(t, "b")+"', protocol: tcp, timeout: 5s}"))
	w.replace("policy.yaml", listenPolicy("web", addr))
	w.reaches(addr, "b")
	w.eventually("web to be gone from HTTP", func() bool { return w.from("db") == "up" && w.from("web") == "502" })
}
