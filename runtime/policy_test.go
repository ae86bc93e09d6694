package runtime

import (
	"net/http"
	"strings"
	"testing"
)

// TestPolicyDoesNotOpen edits the policy under an enforced key in ways that
// are not meant to let anybody in: half a file, a slip in a name, another app.
func TestPolicyDoesNotOpen(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy string
		alarm  string // of a version that is applied
		err    string // of one that is not
	}{
		"half a file":  {policy: "version: 1\n", alarm: "no longer in the policy"},
		"dropped":      {policy: "version: 1\nenvironments:\n  fat: {tier: staging}\n", alarm: "no longer in the policy"},
		"misspelt":     {policy: strings.Replace(plainPolicy, "svc:", "svcc:", 1), alarm: "no longer in the policy"},
		"another app":  {policy: strings.Replace(plainPolicy, "app: demo", "app: demos", 1), err: "its keys were enforced"},
		"made of path": {policy: strings.Replace(plainPolicy, "app: demo", "app_from: apollo", 1), alarm: ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, echo(t, "up").URL)
			w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
			w.start()
			w.replace("policy.yaml", test.policy)
			if test.err != "" {
				if err := w.held(1, "svc"); !strings.Contains(err, test.err) {
					t.Errorf("held for %q, want %q", err, test.err)
				}
			} else {
				w.applied(1)
				if alarms := strings.Join(w.server.Status().Alarms, "\n"); !strings.Contains(alarms, test.alarm) {
					t.Errorf("alarms %q, want %q", alarms, test.alarm)
				}
			}
			if status, _ := w.get(target); status != http.StatusUnauthorized {
				t.Errorf("an unsigned request gets %d, want 401", status)
			}
			if status, _ := w.get(target, sign(t, secret1, target)...); status != http.StatusOK {
				t.Errorf("a signed request gets %d, want 200", status)
			}
		})
	}
}

// TestPolicyOpensWhereItSaysSo is the other side: what is spelled out holds.
func TestPolicyOpensWhereItSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	w.replace("policy.yaml", strings.Replace(plainPolicy, "{auth: apollo, app: demo}", "{auth: none}", 1))
	w.applied(1)
	if status, _ := w.get(target); status != http.StatusOK {
		t.Errorf("an unsigned request gets %d, want 200", status)
	}
}

// TestAppFromPathNeedsTheWholePath refuses an addr that puts something in
// front of what the app is taken from.
func TestAppFromPathNeedsTheWholePath(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"/configs", "/?appId=x"} {
		w := newWorld(t, echo(t, "up").URL+suffix)
		w.write("policy.yaml", strings.Replace(plainPolicy, "app: demo", "app_from: apollo", 1))
		w.start()
		if err := w.held(0, "svc"); !strings.Contains(err, "agent.yaml:2:30: addr has a path or query") {
			t.Errorf("%s: held for %q", suffix, err)
		}
	}
}
