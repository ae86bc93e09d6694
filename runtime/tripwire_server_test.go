package runtime

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/schemas"
)

// tripPolicy takes clients from the X-Forwarded-For of this machine, and those
// that say who they are at their word.
const tripPolicy = `version: 1
listeners:
  svc: {auth: apollo, app: demo, identity: [param:ip, xff]}
environments:
  fat: {tier: staging}
runtime:
  flush_interval: 20ms
  trusted_proxies: [127.0.0.1/32]
  tripwire: {mode: auto}
`

// bareTarget does not say who asks.
const bareTarget = "/configs/demo/default/application"

// newTripWorld observes the key key/demo/k1 and would step back.
func newTripWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, echo(t, "up").URL)
	w.write("policy.yaml", tripPolicy)
	w.write("rollout.yaml", rolloutSince("observe", time.Now().Add(-time.Hour)))
	w.opts.State = w.path("state")
	return w
}

func rolloutSince(mode string, since time.Time) string {
	return strings.Replace(rollout("key/demo/k1", mode, "file:k1"), "2026-01-01T00:00:00Z", since.UTC().Format(time.RFC3339Nano), 1)
}

// behind sends a request of a client behind the proxy, signed if it has a secret.
func (w *world) behind(client, target, secret string) (status int) {
	w.t.Helper()
	headers := []string{"X-Forwarded-For", client}
	if secret != "" {
		headers = append(headers, sign(w.t, secret, target)...)
	}
	status, _ = w.get(target, headers...)
	return status
}

// enforce promotes the key, and waits until it is.
func (w *world) enforce() {
	w.t.Helper()
	version := w.server.Status().Good.Number
	w.replace("rollout.yaml", rolloutSince(enforcing, time.Now()))
	w.applied(version)
}

// counted waits until everything asked for so far was looked at: two
// heartbeats come after it.
func (w *world) counted() {
	w.t.Helper()
	beats := func() (n int) {
		for _, e := range w.events(w.opts.Events) {
			if e.Kind == schemas.EventHeartbeat {
				n++
			}
		}
		return n
	}
	enough := beats() + 2
	w.eventually("heartbeat", func() bool { return beats() >= enough })
}

// TestTripwireStepsBack runs the whole story on a server: two clients pass,
// the key is promoted, they are refused, the server steps back and says so,
// keeps to it after a restart, and goes by the rollout again once that is
// changed.
func TestTripwireStepsBack(t *testing.T) {
	t.Parallel()
	for _, restart := range []string{"", "after the passes", "after the promotion"} {
		t.Run(restart, func(t *testing.T) {
			t.Parallel()
			w := newTripWorld(t)
			w.start()
			again := func(when string) {
				if when != restart {
					return
				}
				w.stop()
				w.opts.Events = w.path("log/" + strings.ReplaceAll(when, " ", "-"))
				w.start()
			}
			clients := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3"}
			for _, client := range clients {
				if status := w.behind(client, bareTarget, secret1); status != http.StatusOK {
					t.Fatalf("%s: status %d", client, status)
				}
			}
			w.counted()
			again("after the passes")
			w.enforce()
			w.counted()
			again("after the promotion")
			for _, client := range clients[:2] {
				if status := w.behind(client, bareTarget, secret2); status != http.StatusUnauthorized {
					t.Fatalf("%s: status %d after the promotion", client, status)
				}
			}
			w.eventually("step back", func() bool { return w.overridden() == "key/demo/k1 observe" })
			o := w.server.Status().Overrides[0]
			if want := "2 clients are refused that passed before: 10.0.0.1 (signature), 10.0.0.2 (signature)"; o.Who != "tripwire" || o.Reason != want {
				t.Errorf("override %+v, want the reason %s", o, want)
			}
			if got := w.metrics()[`lockstep_tripwire_alerts_total{subject="key/demo/k1"}`]; got != "2" {
				t.Errorf("%s alerts", got)
			}
			if lines := overrideLines(w.events(w.opts.Events)); len(lines) == 0 {
				w.counted()
			}
			w.stop()
			if lines := overrideLines(w.events(w.opts.Events)); len(lines) != 1 || !strings.HasPrefix(lines[0], "set key/demo/k1 observe tripwire 2 clients") {
				t.Errorf("events %q", lines)
			}
			w.opts.Events = w.path("log/last.jsonl")
			w.start()
			if status := w.behind(clients[0], bareTarget, ""); status != http.StatusOK {
				t.Errorf("after a restart: status %d", status)
			}
			w.enforce()
			if status := w.behind(clients[0], bareTarget, ""); status != http.StatusUnauthorized || w.overridden() != "" {
				t.Errorf("promoted again: status %d, overridden %s", status, w.overridden())
			}
		})
	}
}

// TestTripwireCannotBeTripped by somebody who has an address and a key of his
// own, and knows the names of all others: he floods a server under each of
// them, and it goes on enforcing.
func TestTripwireCannotBeTripped(t *testing.T) {
	t.Parallel()
	w := newTripWorld(t)
	w.start()
	const mallory = "10.6.6.6"
	good := []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", mallory}
	for _, client := range good {
		w.behind(client, bareTarget, secret1)
		w.behind(client, bareTarget+"?ip="+client, secret1)
	}
	w.counted()
	w.enforce()
	var attack sync.WaitGroup
	for i := range 4 {
		attack.Go(func() {
			for n := range 200 {
				name := good[n%len(good)]
				switch i {
				case 0: // under a name that he claims
					w.behind(mallory, bareTarget+"?ip="+name, secret2)
				case 1: // under a name that he puts in front of his own
					w.behind(name+", "+mallory, bareTarget, secret2)
				case 2: // as himself, unsigned
					w.behind(mallory, bareTarget, "")
				case 3: // as many that nobody knows, which he may well be
					w.behind(fmt.Sprintf("10.7.%d.%d", n/250, n%250), bareTarget, secret2)
				}
			}
		})
	}
	attack.Wait()
	w.counted()
	if got := w.overridden(); got != "" {
		t.Errorf("overridden: %s", got)
	}
	if status := w.behind(good[0], bareTarget, secret1); status != http.StatusOK {
		t.Errorf("a good client: status %d", status)
	}
	if status := w.behind(mallory, bareTarget, ""); status != http.StatusUnauthorized {
		t.Errorf("the attacker: status %d", status)
	}
	if got := w.metrics()[`lockstep_tripwire_alerts_total{subject="key/demo/k1"}`]; got != "1" { // of himself
		t.Errorf("%s alerts", got)
	}
}

// TestTripwireOnlyAlerts unless it is told otherwise, and says what it lacks.
func TestTripwireOnlyAlerts(t *testing.T) {
	t.Parallel()
	w := newTripWorld(t)
	w.write("policy.yaml", strings.Replace(tripPolicy, "  tripwire: {mode: auto}\n", "", 1))
	w.start()
	for _, client := range []string{"10.0.0.1", "10.0.0.2"} {
		w.behind(client, bareTarget, secret1)
	}
	w.counted()
	w.enforce()
	for _, client := range []string{"10.0.0.1", "10.0.0.2"} {
		w.behind(client, bareTarget, "")
	}
	w.eventually("alert", func() bool {
		return strings.Contains(w.log.String(), `"condition":"enough clients","subject":"key/demo/k1"`)
	})
	if status := w.behind("10.0.0.1", bareTarget, ""); status != http.StatusUnauthorized || w.overridden() != "" {
		t.Errorf("status %d, overridden %s", status, w.overridden())
	}
	version := w.server.Status().Good.Number
	w.replace("policy.yaml", tripPolicy+"batches: {staging: {bake: 0s}}\n")
	w.applied(version)
	if !w.alarmed("the tripwire watches a promotion while it bakes") {
		t.Errorf("alarms %q", w.server.Status().Alarms)
	}
}
