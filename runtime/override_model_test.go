package runtime

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// heldEntry is an entry of the rollout in the model: a mode, and a number that
// stands for everything else.
type heldEntry struct {
	mode   schemas.Mode
	number int
	listed bool // or it stays although the rollout no longer has it
}

// overrideModel says what a server has to do, in the plainest words.
type overrideModel struct {
	file   map[string]heldEntry // what the rollout on disk says
	broken bool                 // it cannot be read
	served map[string]heldEntry
	held   map[string]schemas.Mode
}

var modelKeys = []string{"key/a/k1", "key/a/k2", "key/a/k3", "key/b/k1"}

// apply is what becomes of the model when the files are read.
func (m *overrideModel) apply() {
	if m.broken {
		return
	}
	next := maps.Clone(m.file)
	for name, e := range m.served {
		if _, listed := next[name]; !listed && e.mode != schemas.ModeDisabled {
			e.listed = false
			next[name] = e
		}
	}
	maps.DeleteFunc(m.held, func(name string, _ schemas.Mode) bool { return m.served[name] != next[name] })
	m.served = next
}

// set reports whether an override has to be taken.
func (m *overrideModel) set(name string, mode schemas.Mode) bool {
	e, held := m.served[name], m.held[name]
	if !e.listed || !mode.Weaker(e.mode) || (held != "" && held.Weaker(mode)) {
		return false
	}
	m.held[name] = mode
	return true
}

// mode is the mode in which a key has to be served.
func (m *overrideModel) mode(name string) schemas.Mode {
	mode := m.served[name].mode
	lower := func(to schemas.Mode) {
		if to.Weaker(mode) {
			mode = to
		}
	}
	if own, held := m.held[name]; held {
		lower(own)
	}
	for other, to := range m.held {
		sibling := strings.HasPrefix(other, name[:len("key/a/")])
		if sibling && m.served[other].mode == schemas.ModeEnforce && m.served[name].mode == schemas.ModeEnforce {
			lower(to)
		}
	}
	return mode
}

// text is the rollout on disk.
func (m *overrideModel) text() string {
	if m.broken {
		return "subjects: ["
	}
	text := "version: 1\nenvironment: fat\ntier: staging\nsubjects:"
	if len(m.file) == 0 {
		return text + " {}\n"
	}
	for _, name := range slices.Sorted(maps.Keys(m.file)) {
		e := m.file[name]
		text += fmt.Sprintf("\n  %s: {mode: %s, since: 2026-01-01T00:00:%02dZ, secret: file:k1}", name, e.mode, e.number)
	}
	return text + "\n"
}

// overrideRun drives a server and the model by the same random steps.
type overrideRun struct {
	*world

	model  overrideModel
	random *rand.Rand
	steps  []string
}

// boot starts the control plane, without addresses and without a watch that
// would act on its own.
func (r *overrideRun) boot() {
	r.t.Helper()
	var err error
	if r.server, err = New(r.opts); err != nil {
		r.t.Fatal(err)
	}
	r.server.pace.hold = time.Microsecond
	for _, step := range []func(context.Context) error{r.server.openState, r.server.recallOverrides, r.server.load} {
		if err := step(r.t.Context()); err != nil {
			r.t.Fatalf("%v after\n%s", err, strings.Join(r.steps, "\n"))
		}
	}
}

func (r *overrideRun) halt() {
	if err := r.server.unwind(context.WithoutCancel(r.t.Context())); err != nil {
		r.t.Error(err)
	}
}

func (r *overrideRun) step() {
	r.t.Helper()
	name, mode := modelKeys[r.random.IntN(len(modelKeys))], schemas.Modes()[r.random.IntN(3)]
	switch kind := r.random.IntN(20); {
	case kind < 6:
		weak := schemas.Modes()[r.random.IntN(2)]
		want := r.model.set(name, weak)
		err := r.server.Override(r.t.Context(), byLee(name, weak))
		r.say("override %s %s: %v", name, weak, err)
		if (err == nil) != want {
			r.t.Fatalf("taken: %t, want %t; %v", err == nil, want, r.steps)
		}
	case kind < 8:
		err := r.server.ClearOverride(r.t.Context(), name, "lee", "r")
		r.say("clear %s: %v", name, err)
		if _, held := r.model.held[name]; held != (err == nil) {
			r.t.Fatalf("%v", r.steps)
		}
		delete(r.model.held, name)
	case kind < 14:
		r.model.file[name], r.model.broken = heldEntry{mode, r.random.IntN(3), true}, false
		r.edit("%s is %s %d", name, mode, r.model.file[name].number)
	case kind < 16:
		delete(r.model.file, name)
		r.model.broken = false
		r.edit("%s vanishes", name)
	case kind < 17:
		r.model.broken = true
		r.edit("the rollout breaks")
	default:
		r.say("restart")
		r.halt()
		r.boot()
	}
}

func (r *overrideRun) say(format string, args ...any) {
	r.steps = append(r.steps, fmt.Sprintf(format, args...))
}

func (r *overrideRun) edit(format string, args ...any) {
	r.say(format, args...)
	r.write("rollout.yaml", r.model.text())
	r.server.applier.reload(r.t.Context(), false)
	r.model.apply()
}

// check compares modes and overrides.
func (r *overrideRun) check() {
	r.t.Helper()
	s := r.server.current.Load()
	got, want := map[string]schemas.Mode{}, map[string]schemas.Mode{}
	for _, state := range s.states(time.Now()) {
		got[state.Subject] = state.Mode
	}
	for name := range r.model.served {
		want[name] = r.model.mode(name)
	}
	held := map[string]schemas.Mode{}
	for _, o := range r.server.Status().Overrides {
		held[o.Subject] = o.Mode
	}
	if !maps.Equal(got, want) || !maps.Equal(held, r.model.held) {
		r.t.Fatalf("modes %v, want %v; held %v, want %v; after\n%s", got, want, held, r.model.held, strings.Join(r.steps, "\n"))
	}
	for i, k := range s.keys {
		if k.state.Mode.Weaker(s.effective[i].state.Mode) {
			r.t.Fatalf("%s is stricter than the rollout", k.subject)
		}
	}
	refuses := want["key/a/k1"] == enforcing || want["key/a/k2"] == enforcing || want["key/a/k3"] == enforcing
	if d := decide(s.routes["svc"].auth, get(target), time.Now()); (d.status != 0) != refuses {
		r.t.Fatalf("an unsigned request gets %+v under %v; after\n%s", d, want, strings.Join(r.steps, "\n"))
	}
}

// TestOverrideModel runs random sequences of overrides, edits and restarts.
func TestOverrideModel(t *testing.T) {
	t.Parallel()
	runs := uint64(3)
	if os.Getenv("FULL") != "" {
		runs = 100
	}
	for seed := range runs {
		r := &overrideRun{
			world: newWorld(t, "http://127.0.0.1:1"), random: rand.New(rand.NewPCG(seed, 5)),
			model: overrideModel{file: map[string]heldEntry{}, held: map[string]schemas.Mode{}},
		}
		r.write("policy.yaml", strings.Replace(plainPolicy, "app: demo", "app: a", 1))
		r.opts.State, r.opts.Events = r.t.TempDir(), ""
		r.write("rollout.yaml", r.model.text())
		r.boot()
		for range 40 {
			r.step()
			r.check()
		}
		r.halt()
	}
}
