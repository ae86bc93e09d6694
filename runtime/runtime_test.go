package runtime

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// TestLoop goes once round: an unsigned and a signed request while observing,
// one edit of the rollout, the same requests while enforcing, and the event
// log that results.
func TestLoop(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL).start()
	if status, body := w.get(target); status != http.StatusOK || !strings.Contains(body, `"name":"up"`) {
		t.Fatalf("observed: %d %s", status, body)
	}
	if status, _ := w.get(target, sign(t, secret1, target)...); status != http.StatusOK {
		t.Fatalf("signed: %d", status)
	}
	w.replace("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.applied(1)
	status, body := w.get(target)
	if status != http.StatusUnauthorized {
		t.Fatalf("enforced: %d %s", status, body)
	}
	if !strings.Contains(body, `"status":401,"error":"Unauthorized","path":"/configs/demo/default/application"}`) {
		t.Errorf("the answer is not like Spring's: %s", body)
	}
	if status, _ := w.get(target, sign(t, secret1, target)...); status != http.StatusOK {
		t.Fatalf("signed and enforced: %d", status)
	}
	if status, _ := w.get(target, sign(t, secret2, target)...); status != http.StatusUnauthorized {
		t.Fatalf("signed with a wrong key: %d", status)
	}
	w.stop()
	events := w.events(w.opts.Events)
	want := map[string]uint64{
		"key/demo/k1 10.1.2.3 claimed ok":          2,
		"key/demo 10.1.2.3 claimed fail missing":   2,
		"key/demo 10.1.2.3 claimed fail signature": 1,
	}
	if diff := cmp.Diff(want, tallied(events)); diff != "" {
		t.Errorf("tallies (-want +got):\n%s", diff)
	}
	checkDetails(t, events)
	checkHeartbeats(t, w, events)
}

func checkDetails(t *testing.T, events []schemas.Event) {
	t.Helper()
	refused := map[bool]int{}
	for _, e := range events {
		if e.Kind != schemas.EventDetail {
			continue
		}
		refused[e.Refused]++
		if e.Endpoint != "svc" || e.Subject != "key/demo" || e.Refused != (e.Mode == schemas.ModeEnforce) {
			t.Errorf("detail %+v", e)
		}
	}
	if refused[true] != 2 || refused[false] != 1 {
		t.Errorf("details by refused: %v, want one observed and two refused failures", refused)
	}
}

func checkHeartbeats(t *testing.T, w *world, events []schemas.Event) {
	t.Helper()
	first, last := events[0], events[len(events)-1]
	if first.Kind != schemas.EventHeartbeat || last.Kind != schemas.EventHeartbeat {
		t.Fatalf("the log begins with %s and ends with %s, want heartbeats", first.Kind, last.Kind)
	}
	want := []schemas.SubjectState{{
		Subject: "key/demo/k1", Mode: schemas.ModeEnforce,
		Fingerprint: schemas.NewSecret([]byte(secret1)).Fingerprint(),
	}}
	if diff := cmp.Diff(want, last.Subjects); diff != "" {
		t.Errorf("last heartbeat (-want +got):\n%s", diff)
	}
	source, err := os.ReadFile(w.opts.Rollout)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := schemas.ParseDocument("rollout.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	file, err := schemas.DecodeRollout(doc)
	if err != nil {
		t.Fatal(err)
	}
	if last.RolloutDigest != file.Digest() || first.RolloutDigest == last.RolloutDigest {
		t.Errorf("rollout digests %s then %s, the file has %s", first.RolloutDigest, last.RolloutDigest, file.Digest())
	}
	if first.Environment != "fat" || first.Node != "n1" {
		t.Errorf("first heartbeat %+v", first)
	}
}

// TestStartRefuses has one fault per row, of which the error tells the place.
func TestStartRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(w *world)
		want  string
	}{
		"no config":        {func(w *world) { w.opts.Config = "" }, "no config is given"},
		"no address":       {func(w *world) { w.opts.Listen = "" }, "no address to listen on"},
		"no clock":         {func(w *world) { w.opts.Now = nil }, "no clock"},
		"no node":          {func(w *world) { w.opts.Node = "a/b" }, "the name of this node"},
		"missing config":   {func(w *world) { w.opts.Config = w.path("none.yaml") }, "none.yaml: no such file"},
		"empty config":     {func(w *world) { w.write("agent.yaml", "") }, "agent.yaml:1:1: the file is empty"},
		"no YAML":          {func(w *world) { w.write("agent.yaml", "a: [\n") }, "agent.yaml:"},
		"unknown key":      {func(w *world) { w.write("agent.yaml", "listener: []\n") }, "agent.yaml:1:1: there is no key"},
		"no listeners":     {func(w *world) { w.write("agent.yaml", "listeners: []\n") }, "agent.yaml:1:12: no listeners"},
		"missing rollout":  {func(w *world) { w.opts.Rollout = w.path("none.yaml") }, "read rollout"},
		"empty rollout":    {func(w *world) { w.write("rollout.yaml", "") }, "rollout.yaml:1:1: the file is empty"},
		"missing policy":   {func(w *world) { w.opts.Policy = w.path("none.yaml") }, "read policy"},
		"bad policy":       {func(w *world) { w.write("policy.yaml", "version: 2\n") }, "policy.yaml:1:10"},
		"tier of the flag": {func(w *world) { w.opts.Tier = schemas.TierProduction }, "--tier says production"},
		"tier of the policy": {func(w *world) {
			w.write("policy.yaml", strings.Replace(plainPolicy, "staging", "production", 1))
		}, "policy.yaml says production"},
		"events in a bad place": {func(w *world) { w.opts.Events = w.path("none/events") }, "open events"},
		"address in use":        {func(w *world) { w.opts.Listen = "256.0.0.1:1" }, "ingress: listen"},
		"metrics in use":        {func(w *world) { w.opts.Metrics = "256.0.0.1:1" }, "metrics: listen"},
		"metrics as the agent": {func(w *world) {
			w.opts.Piko, w.opts.Metrics = true, ""
			w.write("agent.yaml", "server: {enabled: true, bind_addr: \"9090\"}\nlisteners: [{endpoint_id: svc, addr: \"8080\", timeout: 1s}]\n")
		}, "server.bind_addr of the config: listen"},
		"gate": {func(w *world) {
			w.opts.Gate = func(Candidate) Admission {
				return Admission{Refusals: []Refusal{{WholeConfig, errors.New("agent.yaml:1:1: no")}}}
			}
		}, "agent.yaml:1:1: no"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "8080")
			test.spoil(w)
			s, err := New(w.opts)
			if err == nil {
				err = s.Start(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// TestGateSeesTheCandidate makes sure that what is judged is what was read,
// and that alarms do not stop it.
func TestGateSeesTheCandidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	var seen Candidate
	w.opts.Gate = func(c Candidate) Admission { seen = c; return Admission{Alarms: []string{"a loud one"}} }
	w.start()
	if seen.Tier != schemas.TierStaging || seen.Rollout.Environment != "fat" || seen.Policy.Listeners["svc"].App != "demo" {
		t.Errorf("candidate %+v", seen)
	}
	if string(seen.Document.Source) == "" || seen.Document.Path != w.opts.Config {
		t.Errorf("document %+v", seen.Document)
	}
	w.write("k1", "another\n")
	if text, err := seen.ReadFile(w.path("k1")); err != nil || string(text) != secret1+"\n" {
		t.Errorf("ReadFile gives %q, %v, want what was read", text, err)
	}
	if text, err := seen.ReadFile(w.path("policy.yaml.none")); err == nil {
		t.Errorf("ReadFile of a missing file gives %q", text)
	}
	if !slices.Contains(w.server.Status().Alarms, "a loud one") || !strings.Contains(w.log.String(), "a loud one") {
		t.Errorf("the alarm is lost: %+v", w.server.Status())
	}
}

// TestTierFromPath takes the tier from the policy's globs where nobody else says.
func TestTierFromPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "8080")
	w.opts.Rollout = ""
	w.write("policy.yaml", "version: 1\ntiers: [{path: '**/agent.yaml', tier: production}]\nlisteners: {svc: {auth: apollo, app: demo}}\n")
	var seen schemas.Tier
	w.opts.Gate = func(c Candidate) Admission { seen = c.Tier; return Admission{} }
	w.start()
	if seen != schemas.TierProduction {
		t.Errorf("tier %q", seen)
	}
	if _, err := os.Stat(w.opts.Events); err == nil {
		t.Error("there are events without a rollout")
	}
	if alarms := w.server.Status().Alarms; len(alarms) != 1 || !strings.Contains(alarms[0], "there is no rollout") {
		t.Errorf("alarms %q", alarms)
	}
}

// TestTCPListenersWait serves the others and says so.
func TestTCPListenersWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.write("agent.yaml", agentConfig(echo(t, "up").URL)+
		"log: {level: info}\n")
	w.write("agent.yaml", strings.Replace(agentConfig(echo(t, "up").URL), "listeners:\n",
		"listeners:\n  - {endpoint_id: db, addr: 5432, protocol: tcp, timeout: 5s}\n", 1))
	w.start()
	if status, _ := w.get("/"); status != http.StatusOK {
		t.Errorf("svc answers %d", status)
	}
	if status, _ := w.send(http.MethodGet, "db", "/"); status != http.StatusBadGateway {
		t.Errorf("db answers %d", status)
	}
	if s := w.server.Status(); len(s.Alarms) != 1 || !strings.Contains(s.Alarms[0], "listener db: tcp") || !slices.Equal(s.Idle, []string{"db"}) {
		t.Errorf("alarms %q, idle %q", s.Alarms, s.Idle)
	}
}

// TestAlarmsOnce logs an alarm when it begins and when it is over, however
// often something else is applied meanwhile.
func TestAlarmsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	good, log := agentConfig(echo(t, "up").URL), w.log
	bad := strings.Replace(good, "listeners:\n", "listeners:\n  - {endpoint_id: db, addr: 5432, protocol: tcp, timeout: 5s}\n", 1)
	count := func(what string) int { return strings.Count(log.String(), what) }
	w.write("agent.yaml", bad)
	w.start()
	w.replace("agent.yaml", bad+"log: {level: info}\n")
	w.applied(1)
	w.replace("agent.yaml", bad+"log: {level: warn}\n")
	w.applied(2)
	if n := count(`"msg":"alarm"`); n != 1 {
		t.Errorf("%d alarms of one\n%s", n, log)
	}
	w.replace("agent.yaml", good)
	w.applied(3)
	if n := count("the alarm is over"); n != 1 {
		t.Errorf("the end of an alarm is logged %d times\n%s", n, log)
	}
	w.replace("agent.yaml", bad)
	w.applied(4)
	if n := count(`"msg":"alarm"`); n != 2 {
		t.Errorf("%d alarms of two\n%s", n, log)
	}
}

// TestOps has the operators' pages on their own address and not on the other.
func TestOps(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL).start()
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := w.ops(path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if _, body := w.get(path); !strings.Contains(body, `"name":"up"`) {
			t.Errorf("%s on the ingress is not the upstream's: %s", path, body)
		}
	}
	w.get(target)
	before := w.metrics()
	for name, want := range map[string]string{
		"lockstep_config_last_reload_successful":          "1",
		`lockstep_config_reloads_total{result="applied"}`: "1",
		`lockstep_config_info{sha256="` + strings.TrimPrefix(w.server.Status().Good.Digest, "sha256:") + `",version="1"}`: "1",
		`lockstep_auth_requests_total{endpoint="svc",mode="observe",outcome="fail",reason="missing"}`:                     "3",
		`lockstep_auth_requests_total{endpoint="svc",mode="enforce",outcome="ok",reason=""}`:                              "0",
		"lockstep_events_left_out_total":      "0",
		`lockstep_build_info{version="test"}`: "1",
	} {
		if before[name] != want {
			t.Errorf("%s is %q, want %s", name, before[name], want)
		}
	}
	w.write("agent.yaml", "listeners: 5\n")
	w.rejected()
	after := w.metrics()
	if after["lockstep_config_last_reload_successful"] != "0" || after[`lockstep_config_reloads_total{result="rejected"}`] != "1" {
		t.Errorf("after a bad edit: %v", after)
	}
	if status, _ := w.ops("/readyz"); status != http.StatusOK {
		t.Errorf("a bad edit makes the process unready: %d", status)
	}
	if _, other := w.ops("/configs/demo"); strings.Contains(other, "up") {
		t.Errorf("the operators' address forwards: %s", other)
	}
}

// metrics reads all samples.
func (w *world) metrics() map[string]string {
	w.t.Helper()
	_, text := w.ops("/metrics")
	samples := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && name != "#" {
			samples[name] = value
		}
	}
	return samples
}

// TestGracefulStop lets a request under way finish, takes no new one and cuts
// what lasts longer than the grace period.
func TestGracefulStop(t *testing.T) {
	t.Parallel()
	arrived, leave := make(chan struct{}), make(chan struct{})
	w := newWorld(t, slowUpstream(t, arrived, leave))
	w.start()
	statuses := make(chan int, 1)
	go func() { status, _ := w.get("/slow"); statuses <- status }()
	<-arrived
	stopped := make(chan struct{})
	go func() { defer close(stopped); w.stop() }()
	w.eventually("closed ingress", func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.server.Addr())
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	if status, _ := w.ops("/readyz"); status != http.StatusServiceUnavailable {
		t.Errorf("ready while stopping: %d", status)
	}
	close(leave)
	if status := <-statuses; status != http.StatusOK {
		t.Errorf("the request under way got %d", status)
	}
	<-stopped
}

// TestStopTwice has two stop a server at once: each returns when it has stopped.
func TestStopTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.start()
	addr := w.server.Addr()
	var stopping sync.WaitGroup
	for range 2 {
		stopping.Go(func() {
			w.stop()
			if conn, err := (&net.Dialer{}).DialContext(context.WithoutCancel(t.Context()), "tcp", addr); err == nil {
				_ = conn.Close()
				t.Error("it still listens")
			}
		})
	}
	stopping.Wait()
}

func TestGracePeriodEnds(t *testing.T) {
	t.Parallel()
	arrived, leave := make(chan struct{}), make(chan struct{})
	addr := slowUpstream(t, arrived, leave)
	w := newWorld(t, addr)
	w.write("agent.yaml", strings.Replace(agentConfig(addr), "grace_period: 5s", "grace_period: 50ms", 1))
	w.start()
	failed := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.server.Addr(), http.NoBody)
		req.Header.Set("X-Piko-Endpoint", "svc")
		resp, err := w.client.Do(req)
		if err == nil {
			_ = resp.Body.Close()
		}
		failed <- err
	}()
	<-arrived
	start := time.Now()
	err := w.server.Stop(t.Context())
	if err == nil || !strings.Contains(err.Error(), "requests were cut off") || len(schemas.Hints(err)) != 1 {
		t.Errorf("stop: %v", err)
	}
	if err := <-failed; err == nil {
		t.Error("the request was answered")
	}
	if took := time.Since(start); took > 4*time.Second {
		t.Errorf("stopping took %v", took)
	}
	close(leave)
}
