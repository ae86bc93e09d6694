package runtime

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// alarmed reports whether the served version has an alarm with a text.
func (w *world) alarmed(text string) bool {
	return slices.ContainsFunc(w.server.Status().Alarms, func(alarm string) bool { return strings.Contains(alarm, text) })
}

// TestMissingSubjectStays drops an enforced key from the rollout, which
// weakens nothing, and then spells the weaker mode out, which does.
func TestMissingSubjectStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	for i, text := range []string{rollout(), rollout("key/other/k1", "observe", "file:k1")} {
		w.replace("rollout.yaml", text)
		w.applied(i + 1)
		if status, _ := w.get(target); status != http.StatusUnauthorized {
			t.Errorf("without the subject: %d", status)
		}
		if !w.alarmed("key/demo/k1 is no longer in the rollout and stays at enforce") {
			t.Errorf("alarms %q", w.server.Status().Alarms)
		}
	}
	w.replace("rollout.yaml", rollout("key/DEMO/k1", "disabled", "file:k1"))
	w.applied(3)
	if status, _ := w.get(target); status != http.StatusOK {
		t.Errorf("spelled out: %d", status)
	}
	if w.alarmed("key/demo/k1") || w.alarmed("key/DEMO/k1") {
		t.Errorf("alarms %q", w.server.Status().Alarms)
	}
	w.replace("rollout.yaml", rollout())
	w.applied(4)
	if w.alarmed("key/DEMO/k1") {
		t.Errorf("a disabled subject that goes is an alarm: %q", w.server.Status().Alarms)
	}
}

// TestUnusableRolloutKeepsModes empties, deletes and spoils the rollout.
func TestUnusableRolloutKeepsModes(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"empty": "", "comment": "# nothing\n", "no YAML": "a: [", "not a rollout": "version: 1\n",
		"another environment": strings.Replace(rollout("key/demo/k1", "disabled", "file:k1"), "fat", "pro", 1),
		"another tier":        strings.Replace(rollout("key/demo/k1", "disabled", "file:k1"), "staging", "development", 1),
		"plain secret":        rollout("key/demo/k1", "disabled", "canary-in-the-rollout"),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, echo(t, "up").URL)
			// No tier but the rollout's own, so that only the comparison with
			// the version before can find the other one.
			w.write("policy.yaml", strings.Replace(plainPolicy, "environments:\n  fat: {tier: staging}\n", "", 1))
			w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
			w.start()
			w.replace("rollout.yaml", text)
			if text := w.rejected(); strings.Contains(text, "canary") {
				t.Errorf("the error quotes a secret: %s", text)
			}
			if status, _ := w.get(target); status != http.StatusUnauthorized {
				t.Errorf("an unusable rollout let a request pass: %d", status)
			}
		})
	}
}

// TestUnreadableKeyAtStart fails closed where the key is enforced, and only there.
func TestUnreadableKeyAtStart(t *testing.T) {
	t.Parallel()
	for mode, want := range map[string]int{"enforce": 401, "observe": 200, "disabled": 200} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, echo(t, "up").URL)
			w.write("rollout.yaml", rollout("key/demo/k1", mode, "file:none"))
			w.start()
			if status, _ := w.get(target, sign(t, secret1, target)...); status != want {
				t.Errorf("%d, want %d", status, want)
			}
			if w.alarmed("key/demo/k1 cannot be read and no request can match it") != (mode != "disabled") {
				t.Errorf("alarms %q", w.server.Status().Alarms)
			}
			w.write("none", secret1) // it turns up after all
			w.applied(1)
			if status, _ := w.get(target, sign(t, secret1, target)...); status != http.StatusOK {
				t.Errorf("with the key: %d", status)
			}
			w.stop()
			counts := tallied(w.events(w.opts.Events))
			if mode != "disabled" && counts["key/demo 10.1.2.3 claimed fail unknown_key"] != 1 {
				t.Errorf("tallies %v", counts)
			}
		})
	}
}

// TestKeyFromEnvironment resolves an env: reference through the options.
func TestKeyFromEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "env:DEMO_KEY"))
	w.opts.Getenv = func(name string) string { return map[string]string{"DEMO_KEY": secret2}[name] }
	w.start()
	if status, _ := w.get(target, sign(t, secret2, target)...); status != http.StatusOK {
		t.Errorf("signed: %d", status)
	}
	if status, _ := w.get(target); status != http.StatusUnauthorized {
		t.Errorf("unsigned: %d", status)
	}
}

// TestKeyRotation has two enforced keys; the tallies tell who uses which.
func TestKeyRotation(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("k2", secret2)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1", "key/Demo/k2", "enforce", "file:k2"))
	w.start()
	for range 3 {
		w.get(target, sign(t, secret1, target)...)
	}
	w.get(target, sign(t, secret2, target)...)
	w.get(target)
	w.stop()
	counts := tallied(w.events(w.opts.Events))
	want := map[string]uint64{
		"key/demo/k1 10.1.2.3 claimed ok":        3,
		"key/Demo/k2 10.1.2.3 claimed ok":        1,
		"key/Demo 10.1.2.3 claimed fail missing": 1, // the first spelling names the app
	}
	for name, count := range want {
		if counts[name] != count {
			t.Errorf("%s: %d, want %d; all: %v", name, counts[name], count, counts)
		}
	}
}

// TestStates lists the subjects of a heartbeat.
func TestStates(t *testing.T) {
	t.Parallel()
	s := &snapshot{keys: []*loadedKey{{
		subject: schemas.Subject{App: "demo", ID: "k1"}, fingerprint: "abc",
		state: schemas.RolloutSubject{Mode: schemas.ModeEnforce, Until: noon, Then: schemas.ModeObserve},
	}}}
	s.effective = s.keys
	if got := s.states(noon); len(got) != 1 || got[0] != (schemas.SubjectState{Subject: "key/demo/k1", Mode: "observe", Fingerprint: "abc"}) {
		t.Errorf("states %+v", got)
	}
	if got := s.states(noon.Add(-time.Second)); got[0].Mode != schemas.ModeEnforce {
		t.Errorf("before the brownout ends, states are %+v", got)
	}
}
