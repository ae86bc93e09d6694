package runtime

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
	"lockstep/internal/probe"
	"lockstep/schemas"
)

// endpointFor is the endpoint of the server that fails for a reason.
func endpointFor(reason string) string { return "up-" + strings.ReplaceAll(reason, "_", "-") }

// stagedRollout lists the upstreams of endpoints at a mode.
func stagedRollout(mode, more string, endpoints ...string) string {
	text := "version: 1\nenvironment: fat\ntier: staging\nsubjects:\n  key/demo/k1: {mode: observe, since: 2026-01-01T00:00:00Z, secret: \"file:k1\"}\n"
	for _, e := range endpoints {
		text += fmt.Sprintf("  tls/%s: {mode: %s, since: 2026-01-01T00:00:00Z%s}\n", e, mode, more)
	}
	return text
}

// newStagedWorld has a listener for each server, none of which is verified by
// its config.
func newStagedWorld(t *testing.T, p *pkiWorld) (w *world, endpoints []string) {
	t.Helper()
	w = newWorld(t, "")
	w.write("root.pem", p.root.pem())
	config := "listeners:\n"
	for _, reason := range slices.Sorted(maps.Keys(p.servers)) {
		endpoints = append(endpoints, endpointFor(reason))
		config += fmt.Sprintf("  - {endpoint_id: %s, addr: %q, timeout: 5s, tls: {insecure_skip_verify: true, root_cas: %q}}\n",
			endpointFor(reason), p.servers[reason].URL, w.path("root.pem"))
	}
	w.write("agent.yaml", config)
	w.write("rollout.yaml", stagedRollout("observe", "", endpoints...))
	return w, endpoints
}

// stage replaces the rollout by one that is not the same, and waits for it.
func (w *world) stage(rollout string) {
	w.t.Helper()
	number := w.server.Status().Good.Number
	w.replace("rollout.yaml", rollout)
	w.applied(number)
}

// reasonsOf are the outcomes of an upstream that were counted, "" for a pass.
func (w *world) reasonsOf(endpoint string) map[schemas.Reason]uint64 {
	reasons := map[schemas.Reason]uint64{}
	for _, e := range w.events(w.path("log/events.jsonl")) {
		if e.Kind == schemas.EventTally && e.Subject == "tls/"+endpoint {
			reasons[e.Reason] += e.Count
		}
	}
	return reasons
}

func (w *world) getFrom(endpoint string) int {
	w.t.Helper()
	status, _ := w.send(http.MethodGet, endpoint, "/")
	return status
}

// TestStagedUpstreams: what observing says of every kind of upstream is what
// enforcing does, what lint's probe says, and no answer changes before.
func TestStagedUpstreams(t *testing.T) {
	t.Parallel()
	p := newPKIWorld(t)
	w, endpoints := newStagedWorld(t, p)
	w.start()
	for reason := range p.servers {
		want := http.StatusOK
		if reason == "tls_version" { // of which nobody can take an answer
			want = http.StatusBadGateway
		}
		if got := w.getFrom(endpointFor(reason)); got != want {
			t.Errorf("observed %s: %d, want %d", endpointFor(reason), got, want)
		}
	}
	for reason := range p.servers {
		w.eventually("tally of "+endpointFor(reason), func() bool { return w.reasonsOf(endpointFor(reason))[schemas.Reason(reason)] >= 2 })
		if got := w.reasonsOf(endpointFor(reason)); len(got) != 1 {
			t.Errorf("%s: %v", endpointFor(reason), got)
		}
	}
	checkProbeAgrees(t, p)
	w.stage(stagedRollout("enforce", "", endpoints...))
	for reason := range p.servers {
		want := http.StatusOK
		if reason != "" {
			want = http.StatusBadGateway
		}
		if got := w.getFrom(endpointFor(reason)); got != want {
			t.Errorf("enforced %s: %d, want %d", endpointFor(reason), got, want)
		}
	}
	w.stop()
	for reason := range p.servers {
		if got := w.reasonsOf(endpointFor(reason)); len(got) != 1 || got[schemas.Reason(reason)] < 3 {
			t.Errorf("%s after enforcing: %v", endpointFor(reason), got)
		}
	}
	w.checkChains(p)
}

// checkProbeAgrees wants lint's probe to give the same reasons.
func checkProbeAgrees(t *testing.T, p *pkiWorld) {
	t.Helper()
	roots := certs.ParseBundle([]byte(p.root.pem()))
	allow, err := probe.ParseAllow([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	prober := &probe.Prober{Allow: allow, Timeout: 10 * time.Second, Now: time.Now}
	for reason, server := range p.servers {
		to, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		key := schemas.ProbeKey{Address: to.Host, ServerName: to.Hostname(), Roots: roots.Digest()}
		got, err := prober.All(t.Context(), []probe.Upstream{{Key: key, Roots: roots.Pool()}}, func() {})
		if err != nil || got[0].Reason != schemas.Reason(reason) {
			t.Errorf("the probe says %q, %v; observed was %q", got[0].Reason, err, reason)
		}
	}
}

// checkChains wants a detail of every upstream in each mode, with the way up
// to the root where it passed.
func (w *world) checkChains(p *pkiWorld) {
	w.t.Helper()
	lengths := map[string]int{}
	for _, e := range w.events(w.path("log/events.jsonl")) {
		if e.Kind == schemas.EventDetail {
			lengths[fmt.Sprint(e.Endpoint, " ", e.Mode, " ", e.Refused)] = len(e.Chain)
		}
	}
	for reason := range p.servers {
		sent := map[string]int{"tls_incomplete_chain": 1, "tls_self_signed": 1, "tls_version": 0, "": 3}
		want, known := sent[reason]
		if !known {
			want = 2
		}
		refused := reason != "" && reason != "tls_version" // that one fails in any case
		for _, at := range []string{" observe false", fmt.Sprint(" enforce ", refused)} {
			if got, told := lengths[endpointFor(reason)+at]; !told || got != want {
				w.t.Errorf("%s%s: a chain of %d, %t; want %d", endpointFor(reason), at, got, told, want)
			}
		}
	}
}

// TestStageCloses: a connection that nobody verified is not used once that is
// enforced, and one that was verified is kept while modes change elsewhere.
func TestStageCloses(t *testing.T) {
	t.Parallel()
	p := newPKIWorld(t)
	for name, c := range map[string]struct {
		reason      string
		from, to    string
		more        string
		first, then int
	}{
		"enforced, bad":             {"tls_expired", "observe", "enforce", "", http.StatusOK, http.StatusBadGateway},
		"enforced, good":            {"", "observe", "enforce", "", http.StatusOK, http.StatusOK},
		"rolled back":               {"tls_expired", "enforce", "observe", "", http.StatusBadGateway, http.StatusOK},
		"disabled":                  {"tls_expired", "enforce", "disabled", "", http.StatusBadGateway, http.StatusOK},
		"gone from the rollout":     {"tls_expired", "enforce", "", "", http.StatusBadGateway, http.StatusBadGateway},
		"a brownout that is coming": {"tls_expired", "observe", "enforce", ", until: 2099-01-01T00:00:00Z, then: observe", http.StatusOK, http.StatusBadGateway},
		"a brownout that is over":   {"tls_expired", "observe", "enforce", ", until: 2026-01-02T00:00:00Z, then: observe", http.StatusOK, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := newStagedWorld(t, p)
			w.write("rollout.yaml", stagedRollout(c.from, "", endpointFor(c.reason)))
			w.start()
			if got := w.getFrom(endpointFor(c.reason)); got != c.first {
				t.Errorf("at %s: %d, want %d", c.from, got, c.first)
			}
			to := []string{endpointFor(c.reason)}
			w.stage(stagedRollout(c.to, c.more, to[:min(len(c.to), 1)]...))
			if got := w.getFrom(endpointFor(c.reason)); got != c.then {
				t.Errorf("at %s: %d, want %d", c.to, got, c.then)
			}
		})
	}
}

// TestStageNeverWeakens: a listener that verifies goes on to, whatever the
// rollout says of it.
func TestStageNeverWeakens(t *testing.T) {
	t.Parallel()
	p := newPKIWorld(t)
	for _, mode := range []string{"disabled", "observe", "enforce"} {
		w, _ := newStagedWorld(t, p)
		w.write("agent.yaml", fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 5s, tls: {root_cas: %q}}\n",
			p.servers["tls_expired"].URL, w.path("root.pem")))
		w.write("rollout.yaml", stagedRollout(mode, "", "svc"))
		w.start()
		if got := w.getFrom("svc"); got != http.StatusBadGateway {
			t.Errorf("%s: %d", mode, got)
		}
		if got := w.metrics()[`lockstep_upstream_tls_insecure{endpoint="svc"}`]; got != "" {
			t.Errorf("%s: insecure is %q", mode, got)
		}
	}
}

// TestStageOverridden steps an enforced upstream back by hand, and on again.
func TestStageOverridden(t *testing.T) {
	t.Parallel()
	p := newPKIWorld(t)
	w, _ := newStagedWorld(t, p)
	endpoint := endpointFor("tls_name")
	w.write("rollout.yaml", stagedRollout("enforce", "", endpoint, endpointFor("")))
	w.start()
	insecure := func() bool {
		return w.metrics()[fmt.Sprintf("lockstep_upstream_tls_insecure{endpoint=%q}", endpoint)] == "1"
	}
	want := func(what string, status int) {
		t.Helper()
		if got := w.getFrom(endpoint); got != status || insecure() != (status == http.StatusOK) {
			t.Errorf("%s: %d, want %d; insecure is %t", what, got, status, insecure())
		}
	}
	want("enforced", http.StatusBadGateway)
	if err := w.server.Override(t.Context(), schemas.Override{Subject: "tls/" + endpoint, Mode: schemas.ModeObserve, Who: "lee", Reason: "it breaks"}); err != nil {
		t.Fatal(err)
	}
	want("overridden", http.StatusOK)
	if err := w.server.ClearOverride(t.Context(), "tls/"+endpoint, "lee", "mended"); err != nil {
		t.Fatal(err)
	}
	want("cleared", http.StatusBadGateway)
}

// TestRedial: an upstream that nobody calls is seen again and again, at every
// address that its name has and that answers.
func TestRedial(t *testing.T) {
	t.Parallel()
	p := newPKIWorld(t)
	w, _ := newStagedWorld(t, p)
	to, err := url.Parse(p.servers[""].URL)
	if err != nil {
		t.Fatal(err)
	}
	w.write("agent.yaml", fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: \"https://localhost:%s\", timeout: 5s, tls: {insecure_skip_verify: true, root_cas: %q}}\n",
		to.Port(), w.path("root.pem")))
	w.write("rollout.yaml", stagedRollout("observe", "", "svc"))
	w.tune = func(s *Server) {
		s.pace.redial = 20 * time.Millisecond
		s.resolve = func(_ context.Context, _, host string) ([]netip.Addr, error) {
			if host != "localhost" {
				return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
			}
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.2")}, nil
		}
	}
	w.start()
	wanted := []string{
		"tls/svc 127.0.0.1:" + to.Port() + " verified ok",
		"tls/svc 127.0.0.2:" + to.Port() + " verified fail tls_unreachable",
	}
	w.eventually("rounds", func() bool {
		counts := tallied(w.events(w.path("log/events.jsonl")))
		return counts[wanted[0]] >= 3 && counts[wanted[1]] >= 3
	})
	name := `lockstep_upstream_tls_handshakes_total{endpoint="svc",mode="observe",reason=""}`
	if got := w.metrics()[name]; got == "" || got == "0" {
		t.Errorf("%s is %q", name, got)
	}
}

// TestStageWithoutUpstream: what can verify nothing is an alarm.
func TestStageWithoutUpstream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "plain").URL)
	w.write("rollout.yaml", stagedRollout("enforce", "", "svc", "gone"))
	w.start()
	alarms := strings.Join(w.server.Status().Alarms, "\n")
	for _, subject := range []string{"tls/svc", "tls/gone"} {
		if !strings.Contains(alarms, subject+" verifies nothing") {
			t.Errorf("no alarm of %s: %s", subject, alarms)
		}
	}
	if status, _ := w.get("/a"); status != http.StatusOK {
		t.Errorf("%d from the plain upstream", status)
	}
}
