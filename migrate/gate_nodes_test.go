package migrate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// beats makes a node report every hour up to noon, and once just before.
func (s *scene) beats(node, boot, digest string, from, to float64, states ...schemas.SubjectState) {
	for h := from; h >= to; h-- {
		s.beatAt(node, boot, digest, max(h, 0.01), states...)
	}
}

func (s *scene) beatAt(node, boot, digest string, hours float64, states ...schemas.SubjectState) {
	s.log.add(node, ago(hours), schemas.Event{Kind: schemas.EventHeartbeat, RolloutDigest: digest, Subjects: states, Boot: boot})
}

// fleet makes 40 nodes that have reported for eight days what the rollout says;
// spoil may have some say otherwise.
func fleet(spoil func(s *scene, node string, i int) bool) func(*scene) {
	return func(s *scene) {
		s.log = newEventLog()
		digest := s.in.Rollout.Digest()
		for i := range 40 {
			if node := fmt.Sprintf("n%02d", i); spoil == nil || !spoil(s, node, i) {
				s.beats(node, "", digest, 8*24, 0, observed("key/a/k1"))
			}
		}
		for _, h := range []float64{100, 50, 1} {
			s.log.request("n00", "key/a/k1", "web", verified, passed, ago(h))
		}
	}
}

// Nodes that lag, have vanished or were never there hold the gate, and a few of
// them are named.
func TestGateWaitsForTheFleet(t *testing.T) {
	t.Parallel()
	const old = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	but := func(which func(i int) bool, do func(s *scene, node string)) func(*scene) {
		return fleet(func(s *scene, node string, i int) bool {
			if which(i) {
				do(s, node)
			}
			return which(i)
		})
	}
	three := func(i int) bool { return i >= 7 && i < 10 }
	runGate(t, map[string]gateTest{
		"all have it": {fleet(nil), true, schemas.VerdictPromote, ""},
		"three lag, in the right mode": {
			but(three, func(s *scene, node string) { s.beats(node, "", old, 8*24, 0, observed("key/a/k1")) }), true,
			schemas.VerdictWait, "3 of 40 nodes still at version 0123456789ab of the rollout: n07, n08, n09",
		},
		"five lag, three are named": {
			but(func(i int) bool { return i < 5 }, func(s *scene, node string) { s.beats(node, "", old, 8*24, 0, observed("key/a/k1")) }), true,
			schemas.VerdictWait, "5 of 40 nodes still at version 0123456789ab of the rollout: n00, n01, n02 and 2 more",
		},
		"three lag, in another mode": {
			but(three, func(s *scene, node string) {
				s.beats(node, "", old, 8*24, 0, schemas.SubjectState{Subject: "key/a/k1", Mode: schemas.ModeDisabled})
			}), true,
			schemas.VerdictInconclusive, "3 of 40 nodes still have key/a/k1 in mode disabled: n07, n08, n09",
		},
		"three have not loaded it": {
			but(three, func(s *scene, node string) { s.beats(node, "", old, 8*24, 0) }), true,
			schemas.VerdictInconclusive, "3 of 40 nodes have not loaded key/a/k1: n07, n08, n09",
		},
		"the first has another key": {
			but(func(i int) bool { return i == 0 }, func(s *scene, node string) {
				s.beats(node, "", "", 8*24, 0, schemas.SubjectState{Subject: "key/a/k1", Mode: schemas.ModeObserve, Fingerprint: "ffffffffffff"})
			}), true,
			schemas.VerdictInconclusive, "node n00 uses another key for key/a/k1 than other nodes",
		},
		"three vanished": {
			but(three, func(s *scene, node string) { s.beats(node, "", "", 8*24, 2, observed("key/a/k1")) }), true,
			schemas.VerdictInconclusive, "3 of 40 nodes have fallen silent: n07 at 2026-11-21 10:00Z, n08 at 2026-11-21 10:00Z, n09 at 2026-11-21 10:00Z",
		},
		"two were never there": {
			func(s *scene) {
				nodes := []string{"n98", "n99"}
				for i := range 40 {
					nodes = append(nodes, fmt.Sprintf("n%02d", i))
				}
				s.in.Policy.Environments["pro-eu"] = schemas.Environment{Nodes: nodes}
				fleet(nil)(s)
			}, true,
			schemas.VerdictInconclusive, "2 of 42 nodes have never reported: n98, n99",
		},
		"the policy has retired those that lag": {
			func(s *scene) {
				s.in.Policy.Environments["pro-eu"] = schemas.Environment{Nodes: []string{"n00", "n01"}}
				but(three, func(s *scene, node string) { s.beats(node, "", old, 8*24, 0) })(s)
			}, true,
			schemas.VerdictPromote, "",
		},
		"those that say no version are judged by modes": {
			but(three, func(s *scene, node string) { s.beats(node, "", "", 8*24, 0, observed("key/a/k1")) }), true,
			schemas.VerdictPromote, "",
		},
		"two processes of a name": {
			but(three, func(s *scene, node string) {
				s.beats(node, "one", "", 8*24, 0, observed("key/a/k1"))
				s.log.seq[node] = 0
				s.beats(node, "two", "", 20.5, 0.5, observed("key/a/k1"))
			}), true,
			schemas.VerdictInconclusive, "3 of 40 nodes were several processes at a time, whose names have to differ: n07, n08, n09",
		},
	})
}

// A step that changes no answer waits for nobody who lags.
func TestObservingNeedsNoVersion(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.in.Rollout.Subjects["key/b/k1"] = schemas.RolloutSubject{Mode: schemas.ModeDisabled, Since: ago(300), Secret: "env:B"}
	s.in.Secrets = map[string]error{"key/b/k1": nil}
	s.beats("n1", "", "sha256:0123", 8*24, 0, observed("key/a/k1"))
	s.in.Evidence = fold(t, "pro-eu", s.log.lines...)
	verdicts := newGate(&s.in).verdicts()
	if v := verdicts[1]; v.Subject != "key/b/k1" || v.Verdict != schemas.VerdictPromote {
		t.Errorf("%+v", v)
	}
	want := "1 of 1 node still at version 0123 of the rollout: n1"
	if v := verdicts[0]; v.Verdict != schemas.VerdictWait || v.Reasons[0] != want || v.Ready != nil {
		t.Errorf("%+v, want to wait as %s", v, want)
	}
}

// The version is that of the file, also while a brownout is over that it names.
func TestVersionIsThatOfTheFile(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.in.Rollout.Version = 1
	s.in.Rollout.Subjects["key/b/k1"] = schemas.RolloutSubject{
		Mode: schemas.ModeEnforce, Since: ago(9 * 24), Secret: "env:B", Until: ago(8.5 * 24), Then: schemas.ModeObserve,
	}
	s.beats("n1", "", s.in.Rollout.Digest(), 8*24, 0, observed("key/a/k1"), observed("key/b/k1"))
	s.in.Evidence = fold(t, "pro-eu", s.log.lines...)
	plan, err := NewPlan(s.in)
	if err != nil {
		t.Fatal(err)
	}
	if v := plan.Subjects[0]; v.Verdict != schemas.VerdictPromote {
		t.Errorf("%s: %q", v.Verdict, v.Reasons)
	}
}

func TestTwins(t *testing.T) {
	t.Parallel()
	at := func(minutes float64) int64 {
		return noon.Add(time.Duration(minutes * float64(time.Minute))).UnixMilli()
	}
	span := func(from, to float64) Window { return Window{utc(at(from)), utc(at(to))} }
	for name, test := range map[string]struct {
		lives [][2]float64 // in minutes
		want  []Window
	}{
		"one":                    {[][2]float64{{0, 60}}, nil},
		"one after the other":    {[][2]float64{{0, 60}, {61, 90}}, nil},
		"the old one drains":     {[][2]float64{{0, 60}, {52, 90}}, nil},
		"side by side":           {[][2]float64{{0, 60}, {30, 90}}, []Window{span(30, 60)}},
		"one within the other":   {[][2]float64{{0, 90}, {30, 60}}, []Window{span(30, 60)}},
		"three":                  {[][2]float64{{0, 60}, {30, 90}, {50, 100}}, []Window{span(30, 90)}},
		"twice":                  {[][2]float64{{0, 200}, {20, 40}, {80, 100}}, []Window{span(20, 40), span(80, 100)}},
		"a life of one moment":   {[][2]float64{{0, 200}, {20, 20}}, nil},
		"an early one goes on":   {[][2]float64{{0, 500}, {10, 15}, {100, 120}}, []Window{span(100, 120)}},
		"of the very same times": {[][2]float64{{0, 60}, {0, 60}}, []Window{span(0, 60)}},
	} {
		all := lives{}
		for i, l := range test.lives {
			all[fmt.Sprint(i)] = &life{FirstMS: at(l[0]), LastMS: at(l[1])}
		}
		if got := all.twins(); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

// A watch says who has still not taken up a step a quarter of an hour after it.
func TestWatchNamesLateNodes(t *testing.T) {
	t.Parallel()
	const old = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct {
		digest string
		after  time.Duration // of the step, its last heartbeat
		want   string
	}{
		"at once":   {old, 10 * time.Minute, ""},
		"late":      {old, 20 * time.Minute, "1 of 2 nodes still at version 0123456789ab of the rollout: n2"},
		"it has it": {"", 20 * time.Minute, ""},
	} {
		b := newBake(t)
		now := noon.Add(test.after)
		rollout := b.rollout()
		digest := test.digest
		if digest == "" {
			digest = rollout.Digest()
		}
		b.event("n1", schemas.Event{Kind: schemas.EventHeartbeat, TimeMS: now.UnixMilli(), RolloutDigest: rollout.Digest()})
		b.event("n2", schemas.Event{Kind: schemas.EventHeartbeat, TimeMS: now.UnixMilli(), RolloutDigest: digest})
		e := gatherLines(t, b.lines.String())
		poll, err := (&Watch{}).Poll(now, rollout, e)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, alert := range poll.Alerts {
			got += alert.Text
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func gatherLines(t *testing.T, lines string) *Evidence {
	t.Helper()
	files, err := NewFiles([]string{"-"}, strings.NewReader(lines))
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

// The evidence says when two processes had the name of a node.
func TestEvidenceNamesTwins(t *testing.T) {
	t.Parallel()
	s := newScene()
	s.beats("n1", "one", "", 10, 0, observed("key/a/k1"))
	s.log.seq["n1"] = 0
	s.beats("n1", "two", "", 5, 2, observed("key/a/k1"))
	var text strings.Builder
	if err := fold(t, "pro-eu", s.log.lines...).WriteText(&text); err != nil {
		t.Fatal(err)
	}
	want := "several processes called themselves n1 from 2026-11-21 07:00Z to 2026-11-21 10:00Z: each needs a name of its own, by --node\n"
	if !strings.Contains(text.String(), want) {
		t.Errorf("%s\nwant %s", text.String(), want)
	}
}

// Of more nodes than a report shows, it shows those in trouble.
func TestReportShowsNodesInTrouble(t *testing.T) {
	t.Parallel()
	in := demoInput(10)
	in.setDefaults()
	for i := range maxNodes + 10 {
		n := Node{Name: fmt.Sprintf("m%03d", i), First: in.Now.Add(-100 * time.Hour), Last: in.Now, RolloutDigest: in.Rollout.Digest()}
		switch i {
		case maxNodes + 3:
			n.RolloutDigest = "sha256:00"
		case maxNodes + 5:
			n.Last = in.Now.Add(-10 * time.Hour)
		}
		in.Evidence.Nodes = append(in.Evidence.Nodes, n)
	}
	h := viewOf(t, in, nil, History{}).health()
	if first, second := h.Nodes[0].Node, h.Nodes[1].Node; len(h.Nodes) != maxNodes || first != "m055" || second != "m053" {
		t.Errorf("%d nodes, the first are %s and %s", len(h.Nodes), first, second)
	}
}
