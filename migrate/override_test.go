package migrate

import (
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// A told override is one event of a node and boot, some minutes after noon.
type told struct {
	minute int
	boot   string
	kind   schemas.EventKind // heartbeat or override
	change schemas.OverrideChange
	mode   schemas.Mode
}

// The newest word of a boot counts, and that of another boot before only as
// long as the new one has not spoken. No order of reading matters.
func TestOverrideDrift(t *testing.T) {
	t.Parallel()
	const set, cleared, lapsed, observe = schemas.OverrideSet, schemas.OverrideCleared, schemas.OverrideLapsed, schemas.ModeObserve
	for name, c := range map[string]struct {
		told []told
		want string
	}{
		"none":                   {[]told{{0, "a", schemas.EventHeartbeat, "", ""}}, ""},
		"set":                    {[]told{{1, "a", schemas.EventOverride, set, observe}}, "observe since 12:01"},
		"set, and a heartbeat":   {[]told{{1, "a", schemas.EventOverride, set, observe}, {2, "a", schemas.EventHeartbeat, "", ""}}, "observe since 12:01"},
		"set again":              {[]told{{1, "a", schemas.EventOverride, set, observe}, {2, "a", schemas.EventOverride, set, "disabled"}}, "disabled since 12:02"},
		"cleared":                {[]told{{1, "a", schemas.EventOverride, set, observe}, {2, "a", schemas.EventOverride, cleared, observe}}, ""},
		"lapsed, and set":        {[]told{{1, "a", schemas.EventOverride, lapsed, observe}, {2, "a", schemas.EventOverride, set, observe}}, "observe since 12:02"},
		"lapsed while down":      {[]told{{1, "a", schemas.EventOverride, set, observe}, {2, "b", schemas.EventHeartbeat, "", ""}}, ""},
		"told again at a start":  {[]told{{1, "a", schemas.EventOverride, set, observe}, {2, "b", schemas.EventOverride, set, observe}, {3, "b", schemas.EventHeartbeat, "", ""}}, "observe since 12:02"},
		"of an older boot later": {[]told{{1, "b", schemas.EventHeartbeat, "", ""}, {2, "a", schemas.EventOverride, set, observe}}, "observe since 12:02"},
	} {
		random := rand.New(rand.NewPCG(1, 2))
		for range 10 {
			random.Shuffle(len(c.told), func(i, j int) { c.told[i], c.told[j] = c.told[j], c.told[i] })
			f := NewFold("eu")
			for _, said := range c.told {
				f.event(said.event())
			}
			got := ""
			for _, o := range f.nodes["n1"].node("n1").Overrides {
				got += string(o.Mode) + " since " + utc(o.SinceMS).Format("15:04")
			}
			if got != c.want {
				t.Errorf("%s: %q, want %q", name, got, c.want)
			}
		}
	}
}

func (o told) event() *schemas.Event {
	at := noon.Add(time.Duration(o.minute) * time.Minute).UnixMilli()
	e := &schemas.Event{Kind: o.kind, Environment: "eu", Node: "n1", Boot: o.boot, Seq: uint64(o.minute) + 1, TimeMS: at}
	if o.kind == schemas.EventOverride {
		e.Subject, e.Mode, e.Change, e.SinceMS, e.Who, e.Why = "key/demo/k1", o.mode, o.change, at, "lee", "clients \x1b[2J fail"
	}
	return e
}

// An override is drift as soon as it is told of, under any spelling, and only
// once.
func TestNodeOverrideIsDrift(t *testing.T) {
	t.Parallel()
	in := demoInput(8)
	in.Rollout.Subjects["key/demo/k1"] = schemas.RolloutSubject{Mode: schemas.ModeEnforce, Since: noon.Add(-time.Hour)}
	e := told{1, "a", schemas.EventOverride, schemas.OverrideSet, schemas.ModeObserve}.event()
	e.Subject = "key/DEMO/k1"
	in.Evidence.Nodes[0].Overrides = []schemas.Event{*e}
	want := `node n1 holds key/DEMO/k1 at observe since 2026-11-21 12:01Z, by lee: "clients \x1b[2J fail"`
	if got := strings.Join(nodeDrift(&in), "\n"); got != want {
		t.Errorf("drift %s, want %s", got, want)
	}
}

// A store keeps what it was told, as the log may be gone next time.
func TestOverridesAreStored(t *testing.T) {
	t.Parallel()
	dir, store := t.TempDir(), filepath.Join(t.TempDir(), "store.db")
	line, err := told{1, "a", schemas.EventOverride, schemas.OverrideSet, schemas.ModeObserve}.event().Line()
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "events.jsonl"), string(line))
	for _, when := range []string{"at first", "resumed"} {
		nodes := mustIngest(t, dir, store).Nodes
		if len(nodes) != 1 || len(nodes[0].Overrides) != 1 || nodes[0].Overrides[0].Who != "lee" {
			t.Errorf("%s: %+v", when, nodes)
		}
	}
}
