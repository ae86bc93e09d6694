package runtime

import (
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

const enforcing = "enforce"

// byLee is an override of a subject.
func byLee(subject string, mode schemas.Mode) schemas.Override {
	return schemas.Override{Subject: subject, Mode: mode, Who: "lee", Reason: "clients fail"}
}

// override sets an override, which has to work.
func (w *world) override(subject string, mode schemas.Mode) {
	w.t.Helper()
	if err := w.server.Override(w.t.Context(), byLee(subject, mode)); err != nil {
		w.t.Fatal(err)
	}
}

// overridden lists what is held as "subject mode".
func (w *world) overridden() string {
	var list []string
	for _, o := range w.server.Status().Overrides {
		list = append(list, o.Subject+" "+string(o.Mode))
	}
	return strings.Join(list, ", ")
}

// newEnforcing is a world that enforces the key key/demo/k1 and keeps a state.
func newEnforcing(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, echo(t, "up").URL)
	w.write("rollout.yaml", rollout("key/demo/k1", enforcing, "file:k1"))
	w.opts.State = w.path("state")
	return w
}

// TestOverrideHolds sets an override, restarts with it, edits something else
// and then the entry.
func TestOverrideHolds(t *testing.T) {
	t.Parallel()
	w := newEnforcing(t)
	w.start()
	expect := func(when, overridden string, status int) {
		t.Helper()
		if got := w.overridden(); got != overridden {
			t.Errorf("%s: overridden %q, want %q", when, got, overridden)
		}
		if got, _ := w.get(target); got != status {
			t.Errorf("%s: status %d, want %d", when, got, status)
		}
		gauge := `lockstep_override_active{subject="key/demo/k1"}`
		if got := w.metrics()[gauge]; (got == "1") != (overridden != "") {
			t.Errorf("%s: %s is %q", when, gauge, got)
		}
	}
	expect("at first", "", http.StatusUnauthorized)
	version := w.server.Status().Good
	w.override("key/demo/k1", schemas.ModeObserve)
	expect("overridden", "key/demo/k1 observe", http.StatusOK)
	if got := w.server.Status().Good; got != version {
		t.Errorf("the files have not changed, and the version is %+v instead of %+v", got, version)
	}
	if info, err := os.Stat(w.path("state/overrides.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state: %v, %v", info, err)
	}
	w.stop()
	w.start()
	expect("after a restart", "key/demo/k1 observe", http.StatusOK)
	w.replace("rollout.yaml", "# a comment\n"+rollout("key/demo/k1", enforcing, "file:k1", "key/other/k1", "observe", "file:k1"))
	w.applied(1)
	expect("another entry", "key/demo/k1 observe", http.StatusOK)
	w.replace("rollout.yaml", strings.Replace(rollout("key/demo/k1", enforcing, "file:k1"), "2026-01-01", "2026-01-02", 1))
	w.applied(2)
	expect("its entry", "", http.StatusUnauthorized)
	w.replace("rollout.yaml", rollout("key/demo/k1", enforcing, "file:k1"))
	w.applied(3)
	expect("as it was before", "", http.StatusUnauthorized)
	w.stop()
	w.start()
	expect("after another restart", "", http.StatusUnauthorized)
	for _, want := range []string{`"override set"`, `"override lapsed, as the rollout's entry is another"`, `"who":"lee","reason":"clients fail"`} {
		if !strings.Contains(w.log.String(), want) {
			t.Errorf("%s is not in the log:\n%s", want, w.log.String())
		}
	}
}

// TestOverrideWhileFilesAreBad steps back at once whatever state the files are in.
func TestOverrideWhileFilesAreBad(t *testing.T) {
	t.Parallel()
	w := newEnforcing(t)
	w.start()
	for _, name := range []string{"rollout.yaml", "agent.yaml", "policy.yaml"} {
		if err := os.Remove(w.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	w.rejected()
	w.override("key/demo/k1", schemas.ModeObserve)
	if status, _ := w.get(target); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if s := w.server.Status(); s.Err == nil || len(s.Overrides) != 1 {
		t.Errorf("status %+v, want the fault of the files and the override", s)
	}
	if err := w.server.ClearOverride(t.Context(), "key/demo", "lee", "better now"); err != nil {
		t.Fatal(err)
	}
	if status, _ := w.get(target); status != http.StatusUnauthorized {
		t.Errorf("cleared: status %d", status)
	}
	if !strings.Contains(w.log.String(), `"override cleared","subject":"key/demo","who":"lee","reason":"better now"`) {
		t.Errorf("log:\n%s", w.log.String())
	}
}

// TestOverrideRefuses takes nothing that makes no sense, or makes a mode stricter.
func TestOverrideRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1", "key/gone/k1", enforcing, "file:k1", "key/held/k1", enforcing, "file:k1"))
	w.start()
	w.replace("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1", "key/held/k1", enforcing, "file:k1"))
	w.applied(1)
	w.override("key/held/k1", schemas.ModeDisabled)
	for name, c := range map[string]struct {
		o    schemas.Override
		want string
	}{
		"no subject":    {byLee("demo", schemas.ModeObserve), "not a subject"},
		"not listed":    {byLee("key/demp/k1", schemas.ModeObserve), "does not list key/demp/k1"},
		"vanished":      {byLee("key/gone/k1", schemas.ModeObserve), "does not list key/gone/k1"},
		"already":       {byLee("key/demo/k1", schemas.ModeObserve), "has key/demo/k1 at observe or weaker already"},
		"enforce":       {byLee("key/demo/k1", schemas.ModeEnforce), "cannot be held at that mode"},
		"stricter":      {byLee("key/held/k1", schemas.ModeObserve), "is held at disabled already, which is weaker"},
		"nonsense":      {byLee("key/demo/k1", "maybe"), "cannot be held at that mode"},
		"no reason":     {schemas.Override{Subject: "key/demo/k1", Mode: schemas.ModeDisabled, Who: "lee"}, "has no reason"},
		"nobody":        {schemas.Override{Subject: "key/demo/k1", Mode: schemas.ModeDisabled, Reason: "r"}, "nobody has signed"},
		"unprintable":   {schemas.Override{Subject: "key/demo/k1", Mode: schemas.ModeDisabled, Who: "\x1b", Reason: "r"}, "cannot be printed"},
		"the whole app": {byLee("key/gone", schemas.ModeObserve), "does not list key/gone"},
	} {
		if err := w.server.Override(t.Context(), c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
	if got := w.overridden(); got != "key/held/k1 disabled" {
		t.Errorf("overridden: %s", got)
	}
	for _, subject := range []string{"key/demo/k1", "demo"} {
		if err := w.server.ClearOverride(t.Context(), subject, "lee", "r"); err == nil {
			t.Errorf("%s is cleared", subject)
		}
	}
	if !strings.Contains(w.log.String(), "the override ends with this process") {
		t.Error("nobody says that there is no state directory")
	}
	fresh, err := New(w.opts)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.Override(t.Context(), byLee("key/demo/k1", "")) == nil || fresh.ClearOverride(t.Context(), "key/demo/k1", "lee", "r") == nil {
		t.Error("a server that was not started takes overrides")
	}
}

// TestOverrideOfAnApp chooses all keys that are not as weak already.
func TestOverrideOfAnApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("rollout.yaml", rollout("key/Demo/k1", enforcing, "file:k1", "key/demo/k2", "observe", "file:k1", "key/demo/k3", enforcing, "file:k1", "key/demo2/k1", enforcing, "file:k1"))
	w.start()
	w.override("key/demo", "") // observe
	if got, want := w.overridden(), "key/Demo/k1 observe, key/demo/k3 observe"; got != want {
		t.Errorf("overridden %q, want %q", got, want)
	}
	w.override("key/demo", schemas.ModeDisabled)
	if got, want := w.overridden(), "key/Demo/k1 disabled, key/demo/k2 disabled, key/demo/k3 disabled"; got != want {
		t.Errorf("overridden %q, want %q", got, want)
	}
}

// TestOverrideTakesSiblingsAlong: the clients of a key are not refused because
// another one of their app is still enforced, nor is one that comes later.
func TestOverrideTakesSiblingsAlong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("k2", secret2)
	w.write("rollout.yaml", rollout("key/demo/k1", enforcing, "file:k1"))
	w.start()
	w.override("key/demo/k1", schemas.ModeObserve)
	w.replace("rollout.yaml", rollout("key/demo/k1", enforcing, "file:k1", "key/DEMO/k2", enforcing, "file:k2"))
	w.applied(1)
	for name, headers := range map[string][]string{"k1": sign(t, secret1, target), "k2": sign(t, secret2, target), "nobody": nil} {
		if status, _ := w.get(target, headers...); status != http.StatusOK {
			t.Errorf("%s: status %d", name, status)
		}
	}
	w.stop()
	events := w.events(w.opts.Events)
	for _, state := range events[len(events)-1].Subjects {
		if state.Mode != schemas.ModeObserve {
			t.Errorf("the heartbeat says %+v", state)
		}
	}
}

// TestOverridesAreLost by a file that is no good, which does not stop a start.
func TestOverridesAreLost(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(path string) error{
		"empty": func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"cut":   func(path string) error { return os.Truncate(path, 40) },
		"enforce": func(path string) error {
			return os.WriteFile(path, []byte(`{"version":1,"overrides":[{"mode":"enforce"}]}`), 0o600)
		},
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newEnforcing(t)
			w.start()
			w.override("key/demo/k1", schemas.ModeObserve)
			w.stop()
			path := w.path("state/" + overridesFile)
			if name == "directory" {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			w.start()
			if status, _ := w.get(target); status != http.StatusUnauthorized || w.overridden() != "" {
				t.Errorf("status %d, overridden %s", status, w.overridden())
			}
			if !w.alarmed("what was overridden is not any more") {
				t.Errorf("alarms %q", w.server.Status().Alarms)
			}
			if _, err := os.Stat(path + ".broken"); err != nil {
				t.Errorf("the broken file is gone: %v", err)
			}
			w.override("key/demo/k1", schemas.ModeObserve) // and it works again
		})
	}
}

// TestOverrideThatCannotBeStored does not hold.
func TestOverrideThatCannotBeStored(t *testing.T) {
	t.Parallel()
	w := newEnforcing(t)
	w.start()
	if err := os.Mkdir(w.path("state/"+overridesFile), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := w.server.Override(t.Context(), byLee("key/demo/k1", schemas.ModeObserve)); err == nil || w.overridden() != "" {
		t.Errorf("error %v, overridden %s", err, w.overridden())
	}
}

// TestOverrideAndStreams: what an override let in ends with it, as if the
// rollout had been changed, and what the rollout let in goes on.
func TestOverrideAndStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ticking(t))
	w.write("policy.yaml", agePolicy)
	w.write("rollout.yaml", rollout("key/demo/k1", enforcing, "file:k1"))
	w.start()
	signed := w.stream(false, sign(t, secret1, target)...)
	w.override("key/demo/k1", schemas.ModeObserve)
	unsigned := w.stream(false)
	w.override("key/demo/k1", schemas.ModeDisabled)
	if !unsigned.lives(1500 * time.Millisecond) {
		t.Error("a stream ends because of a weaker override")
	}
	if err := w.server.ClearOverride(t.Context(), "key/demo/k1", "lee", "r"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-unsigned.ended:
	case <-time.After(10 * time.Second):
		t.Error("an unsigned stream goes on")
	}
	if !signed.lives(500 * time.Millisecond) {
		t.Error("a signed stream has ended")
	}
	if err := signed.conn.Close(); err != nil {
		t.Error(err)
	}
	<-signed.ended
	w.drained()
}

// TestOverrideEvents tells the event log of what was set, cleared and lapsed,
// and of what is in force at each start.
func TestOverrideEvents(t *testing.T) {
	t.Parallel()
	w := newEnforcing(t)
	w.write("rollout.yaml", rollout("key/demo/k1", enforcing, "file:k1", "key/demo/k2", enforcing, "file:k1"))
	w.start()
	w.override("key/demo/k1", schemas.ModeObserve)
	w.override("key/demo/k2", schemas.ModeDisabled)
	w.eventually("events", func() bool { return len(overrideLines(w.events(w.opts.Events))) == 2 })
	if err := w.server.ClearOverride(t.Context(), "key/demo/k1", "lee", "r"); err != nil {
		t.Fatal(err)
	}
	w.stop()
	w.opts.Events = w.path("log/second.jsonl")
	w.start()
	w.replace("rollout.yaml", rollout("key/demo/k1", enforcing, "file:k1"))
	w.applied(1)
	w.stop()
	first, second := overrideLines(w.events(w.path("log/events.jsonl"))), overrideLines(w.events(w.opts.Events))
	want := []string{"set key/demo/k1 observe lee clients fail", "set key/demo/k2 disabled lee clients fail", "cleared key/demo/k1 observe lee clients fail"}
	if got := strings.Join(first, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("events\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	want = []string{"set key/demo/k2 disabled lee clients fail", "lapsed key/demo/k2 disabled lee clients fail"}
	if got := strings.Join(second, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("events after a restart\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func overrideLines(events []schemas.Event) (lines []string) {
	for _, e := range events {
		if e.Kind == schemas.EventOverride {
			lines = append(lines, strings.Join([]string{string(e.Change), e.Subject, string(e.Mode), e.Who, e.Why}, " "))
		}
	}
	return lines
}
