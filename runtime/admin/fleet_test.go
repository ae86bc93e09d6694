package admin

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

func state(subject string, mode schemas.Mode, key string) schemas.SubjectState {
	return schemas.SubjectState{Subject: subject, Mode: mode, Fingerprint: key}
}

// member has a rollout with one key.
func member(node, digest string, seq uint64, states ...schemas.SubjectState) Member {
	return Member{Address: "unix:" + node, Status: &Status{Node: node, Rollout: &Rollout{Environment: "eu", Digest: digest, Seq: seq, Subjects: states}}}
}

// A fleet has apart what it is made of, and of each the worst is counted.
func TestNewFleet(t *testing.T) {
	t.Parallel()
	const key = "key/a/k1"
	observe, enforce := state(key, schemas.ModeObserve, "f1"), state(key, schemas.ModeEnforce, "f1")
	twin := member("n1", "b", 0, observe)
	twin.Address = "unix:other"
	broken, alarmed := member("n4", "b", 0, observe), member("n5", "b", 0, observe)
	broken.Status.Listeners = []Listener{{Name: "svc", Error: &Error{Message: "x"}}}
	alarmed.Status.Alarms = []string{"x"}
	for name, test := range map[string]struct {
		members []Member
		rollout string // digest
		want    FleetSummary
		differs map[string]string // by address: subject, mode and what is wanted
	}{
		"nobody answers": {[]Member{{Address: "x", Unreachable: "y"}}, "", FleetSummary{Unreachable: 1}, nil},
		"no rollout":     {[]Member{{Address: "x", Status: &Status{Node: "n1"}}}, "", FleetSummary{}, nil},
		"the same":       {[]Member{member("n1", "b", 0, observe), member("n2", "b", 0, observe)}, "b", FleetSummary{}, nil},
		"the journal knows which is new": {
			[]Member{member("n1", "b", 7, observe), member("n2", "b", 7, observe), member("n3", "a", 8, enforce)},
			"a",
			FleetSummary{Lagging: 2},
			map[string]string{"unix:n1": key + " observe enforce", "unix:n2": key + " observe enforce"},
		},
		"else most do": {
			[]Member{member("n1", "b", 0, observe), member("n2", "a", 0, observe), member("n3", "a", 0, observe)},
			"a",
			FleetSummary{Lagging: 1},
			nil,
		},
		"one has none": {
			[]Member{member("n1", "b", 0, observe), {Address: "x", Status: &Status{Node: "n2"}}},
			"b",
			FleetSummary{Lagging: 1},
			map[string]string{"x": key + "  observe"},
		},
		"one is held below it": {
			[]Member{member("n1", "b", 0, enforce), member("n2", "b", 0, observe), member("n3", "b", 0, enforce)},
			"b",
			FleetSummary{Differing: 1},
			map[string]string{"unix:n2": key + " observe enforce"},
		},
		"another key": {
			[]Member{member("n1", "b", 0, observe), member("n2", "b", 0, state(key, schemas.ModeObserve, "f2")), member("n3", "b", 0, observe)},
			"b",
			FleetSummary{Differing: 1},
			map[string]string{"unix:n2": key + " observe observe key"},
		},
		"one more subject": {
			[]Member{member("n1", "b", 8, observe), member("n2", "a", 7, observe, state("tls/x", schemas.ModeObserve, ""))},
			"b",
			FleetSummary{Lagging: 1},
			map[string]string{"unix:n2": "tls/x observe "},
		},
		"a copied name": {[]Member{member("n1", "b", 0, observe), twin}, "b", FleetSummary{Namesakes: 2}, nil},
		"failed":        {[]Member{broken, member("n1", "b", 0, observe)}, "b", FleetSummary{Failed: 1}, nil},
		"alarmed":       {[]Member{alarmed, member("n1", "b", 0, observe)}, "b", FleetSummary{Alarmed: 1}, nil},
	} {
		test.want.Nodes = len(test.members)
		f := NewFleet(test.members, nil, time.Now())
		digest := ""
		if f.Rollout != nil {
			digest = f.Rollout.Digest
		}
		if digest != test.rollout || f.Summary != test.want {
			t.Errorf("%s: rollout %q, %+v, want %q, %+v", name, digest, f.Summary, test.rollout, test.want)
		}
		if diff := cmp.Diff(test.differs, differences(f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if test.want.Good() != (test.want.Lagging+test.want.Differing+test.want.Failed+test.want.Namesakes == 0) {
			t.Errorf("%s: good is %t", name, test.want.Good())
		}
	}
}

func differences(f *Fleet) map[string]string {
	var all map[string]string
	for _, m := range f.Nodes {
		for _, d := range m.Differs {
			if all == nil {
				all = map[string]string{}
			}
			words := []string{d.Subject, string(d.Mode), string(d.Wanted)}
			if d.OtherKey {
				words = append(words, "key")
			}
			all[m.Address] = strings.Join(words, " ")
		}
	}
	return all
}

// A rollout file says what should be, whatever most have; a brownout that is
// over counts for nothing.
func TestFleetAgainstFile(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	want := &schemas.Rollout{Version: 1, Environment: "eu", Tier: schemas.TierStaging, Journal: schemas.JournalRef{Seq: 3}, Subjects: map[string]schemas.RolloutSubject{
		"key/a/k1": {Mode: schemas.ModeEnforce, Since: at.Add(-time.Hour), Until: at, Then: schemas.ModeObserve, Secret: "env:K"},
	}}
	observe := state("key/a/k1", schemas.ModeObserve, "f1")
	f := NewFleet([]Member{member("n1", want.Digest(), 3, observe), member("n2", "sha256:0", 2, observe)}, want, at)
	if f.Summary != (FleetSummary{Nodes: 2, Lagging: 1}) || len(f.Nodes[0].Differs)+len(f.Nodes[1].Differs) > 0 || f.Rollout.Seq != 3 {
		t.Errorf("%+v", f)
	}
}
