package migrate

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// A model is what a rollout should be after everything that was done to it.
type model struct {
	*site
	random *rand.Rand
	modes  map[string]schemas.Mode
	broken bool // the journal, by us
	did    []string
}

// TestActsFollowTheModel: after any sequence of applies, rollbacks, hand
// edits, crashes and damage to the journal, modes are as asked, a rollback
// never steps forward and is never refused, and after each success the journal
// is whole and says what was there before.
func TestActsFollowTheModel(t *testing.T) {
	t.Parallel()
	rounds := 60
	if os.Getenv("FULL") != "" {
		rounds = 500
	}
	for seed := range uint64(rounds) {
		m := &model{site: newSite(t), random: rand.New(rand.NewPCG(seed, 1)), modes: map[string]schemas.Mode{}}
		for name, s := range m.rollout().Subjects {
			m.modes[name] = s.Mode
		}
		for range 12 {
			m.now = m.now.Add(time.Second)
			switch m.random.IntN(6) {
			case 0, 1:
				m.applies()
			case 2:
				m.rollsBack()
			case 3:
				m.isEdited()
			case 4:
				m.crashes()
			case 5:
				m.isDamaged()
			}
			m.check()
			if t.Failed() {
				t.Fatalf("seed %d: %s", seed, strings.Join(m.did, "; "))
			}
		}
	}
}

func (m *model) note(format string, args ...any) { m.did = append(m.did, fmt.Sprintf(format, args...)) }

// check compares modes, always.
func (m *model) check() {
	got := map[string]schemas.Mode{}
	for name, s := range m.rollout().Subjects {
		got[name] = s.Mode
	}
	if !maps.Equal(got, m.modes) {
		m.t.Errorf("modes %v, want %v", got, m.modes)
	}
}

// whole makes sure that the journal tells the whole truth, after a success.
func (m *model) whole() {
	m.broken = false
	journal, rollout := m.journal(), m.rollout()
	if rollout.Journal != journal.ref() || journal.last().After != rollout.Digest() || journal.Torn {
		m.t.Errorf("the rollout file names %+v, the journal ends with %+v", rollout.Journal, journal.last())
	}
	state := map[string]schemas.RolloutSubject{}
	for _, e := range journal.Entries {
		for _, c := range e.Changes {
			if !reflect.DeepEqual(at(state, c.Subject), c.Before) {
				m.t.Errorf("entry %d says that %s was %+v, it was %+v", e.Seq, c.Subject, c.Before, at(state, c.Subject))
			}
			if delete(state, c.Subject); c.After != nil {
				state[c.Subject] = *c.After
			}
		}
	}
	if len(differences(state, rollout.Subjects)) > 0 {
		m.t.Errorf("the journal says %+v, the file %+v", state, rollout.Subjects)
	}
}

// applies takes a step forward with some subjects, which is refused where the
// journal is broken.
func (m *model) applies() {
	plan := m.plan()
	plan.ID, plan.Created, plan.Expires = fmt.Sprintf("%012x", m.random.Uint64()>>16), m.now, m.now.Add(time.Hour)
	batch := schemas.Batch{ID: fmt.Sprintf("b-%d", len(m.did))}
	want := maps.Clone(m.modes)
	for _, name := range slices.Sorted(maps.Keys(m.modes)) {
		if next, ok := m.modes[name].Next(); ok && m.random.IntN(2) == 0 {
			batch.Steps = append(batch.Steps, schemas.Step{Subject: name, From: m.modes[name], To: next})
			want[name] = next
		}
	}
	if plan.Batches = []schemas.Batch{batch}; len(batch.Steps) == 0 {
		return
	}
	_, err := m.apply(plan, "")
	m.note("apply %+v: %v", batch.Steps, err)
	switch {
	case err == nil:
		m.modes = want
		m.whole()
	case !m.broken || !errors.Is(err, ErrRefused):
		m.t.Errorf("apply: %v", err)
	}
}

// rollsBack takes some subjects back, which always works.
func (m *model) rollsBack() {
	names := slices.Sorted(maps.Keys(m.modes))
	o := RollbackOptions{Subject: names[m.random.IntN(len(names))], To: []schemas.Mode{schemas.ModeObserve, schemas.ModeDisabled}[m.random.IntN(2)]}
	chosen := []string{o.Subject}
	if m.random.IntN(3) == 0 {
		o.Subject, o.All, chosen = "", true, names
	}
	result, err := m.rollback(o)
	m.note("rollback %v to %s: %v", chosen, o.To, err)
	if err != nil {
		m.t.Fatalf("rollback: %v", err)
	}
	for _, name := range withSiblings(chosen, m.modes) {
		if o.To.Weaker(m.modes[name]) {
			m.modes[name] = o.To
		}
	}
	if len(result.Entries) > 0 {
		m.whole()
	}
}

// isEdited changes a mode by hand, also in ways that no plan would.
func (m *model) isEdited() {
	names := slices.Sorted(maps.Keys(m.modes))
	name := names[m.random.IntN(len(names))]
	to := []schemas.Mode{schemas.ModeDisabled, schemas.ModeObserve, schemas.ModeEnforce}[m.random.IntN(3)]
	text := m.read()
	i := strings.Index(text, name+":")
	i += strings.Index(text[i:], "mode: ") + len("mode: ")
	writeFile(m.t, m.path, text[:i]+string(to)+strings.TrimPrefix(text[i:], string(m.modes[name])))
	m.modes[name] = to
	// Before the first success nothing else ties the two files together.
	m.broken = m.broken || (m.rollout().Journal.Seq == 0 && exists(m.journalPath()))
	m.note("hand edit of %s to %s", name, to)
}

// crashes cuts a step short: the journal may be torn, the rollout file is the
// one before.
func (m *model) crashes() {
	text, modes, did := m.read(), maps.Clone(m.modes), len(m.did)
	before, _ := os.ReadFile(m.journalPath())
	if m.applies(); len(m.did) == did || m.read() == text {
		return
	}
	after, err := os.ReadFile(m.journalPath())
	if err != nil {
		m.t.Fatal(err)
	}
	cut := len(before) + m.random.IntN(max(len(after)-len(before), 0)+1)
	if m.random.IntN(2) == 0 || len(before) > len(after) { // what was torn before went first
		cut = len(after)
	}
	writeFile(m.t, m.path, text)
	writeFile(m.t, m.journalPath(), string(after[:cut]))
	m.modes = modes
	m.note("killed %d bytes into the journal", cut)
}

// isDamaged does something bad to the journal.
func (m *model) isDamaged() {
	text, err := os.ReadFile(m.journalPath())
	if err != nil || len(text) == 0 {
		return
	}
	at := m.random.IntN(len(text))
	switch m.random.IntN(5) {
	case 0:
		err = os.Remove(m.journalPath())
	case 1:
		text = text[:at]
	case 2:
		text[at] ^= 1
	case 3:
		text = append(text, "CANARY\n"...)
	case 4:
		err = errors.Join(os.Remove(m.journalPath()), os.Mkdir(m.journalPath(), 0o755))
	}
	if err == nil && exists(m.journalPath()) && !m.isDirectory() {
		writeFile(m.t, m.journalPath(), string(text))
	}
	m.broken = true
	m.note("damage at %d: %v", at, err)
}

func (m *model) isDirectory() bool {
	info, err := os.Lstat(m.journalPath())
	return err == nil && info.IsDir()
}
