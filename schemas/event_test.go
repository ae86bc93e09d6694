package schemas_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// noon is a moment in the day of the tallies below.
var noon = time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)

// tallyEvent is a correct tally of one request at noon.
func tallyEvent() schemas.Event {
	var tally schemas.Tally
	tally.Add(noon.UnixMilli())
	e := schemas.TallyEvent(schemas.TallyKey{
		Environment: "eu", Node: "n1", Subject: "key/demo/k1", Client: "10.0.0.1",
		How: schemas.HowClaimed, Outcome: schemas.OutcomeOK, Day: "2026-11-21",
	}, tally)
	e.Boot, e.Seq, e.TimeMS = "b", 1, noon.UnixMilli()
	return e
}

// chainOf is a chain of so many certificates, the digest of each of which is a
// byte many times.
func chainOf(n int, octet string) []schemas.EventCertificate {
	return slices.Repeat([]schemas.EventCertificate{{SHA256: strings.Repeat(octet, 32), NotAfterMS: 1}}, n)
}

func TestEventRoundTrip(t *testing.T) {
	t.Parallel()
	heartbeat := schemas.Event{
		Kind: schemas.EventHeartbeat, Environment: "eu", Node: "n1", Boot: "b", Seq: 2, TimeMS: 1, LeftOut: 3,
		Subjects: []schemas.SubjectState{{Subject: "key/demo/k1", Mode: schemas.ModeObserve, Fingerprint: "abc"}},
	}
	override := schemas.Event{
		Kind: schemas.EventOverride, Environment: "eu", Node: "n1", Boot: "b", Seq: 3, TimeMS: 2, Subject: "key/demo/k1",
		Mode: schemas.ModeObserve, Change: schemas.OverrideSet, SinceMS: 1, Who: "lee", Why: "because",
	}
	detail := schemas.Event{
		Kind: schemas.EventDetail, Environment: "eu", Node: "n1", Boot: "b", Seq: 4, TimeMS: 2, Subject: "tls/svc", Client: "10.0.0.9:443",
		How: schemas.HowVerified, Outcome: schemas.OutcomeFail, Reason: schemas.ReasonTLSExpired,
		Chain: []schemas.EventCertificate{{SHA256: strings.Repeat("a0", 32), NotAfterMS: 1}},
	}
	for _, want := range []schemas.Event{tallyEvent(), heartbeat, override, detail} {
		line, err := want.Line()
		if err != nil {
			t.Fatal(err)
		}
		got, err := schemas.ParseEvent(string(line))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("event changed (-want +got):\n%s", diff)
		}
		if v := violations(t, schemas.KindEvent, string(line)); v != nil {
			t.Errorf("what Line writes does not fit the schema: %v", v)
		}
	}
}

func TestParseEventRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*schemas.Event){
		"no node":               func(e *schemas.Event) { e.Node = "" },
		"no seq":                func(e *schemas.Event) { e.Seq = 0 },
		"unknown kind":          func(e *schemas.Event) { e.Kind = "tally2" },
		"unknown reason":        func(e *schemas.Event) { e.Outcome, e.Reason = schemas.OutcomeFail, "tired" },
		"ok with a reason":      func(e *schemas.Event) { e.Reason = schemas.ReasonSkew },
		"fail without one":      func(e *schemas.Event) { e.Outcome = schemas.OutcomeFail },
		"unknown how":           func(e *schemas.Event) { e.How = "guessed" },
		"no client":             func(e *schemas.Event) { e.Client = "" },
		"no count":              func(e *schemas.Event) { e.Count = 0 },
		"not a date":            func(e *schemas.Event) { e.Day = "2026-11-31" },
		"another day":           func(e *schemas.Event) { e.Day = "2026-11-22" },
		"last before first":     func(e *schemas.Event) { e.LastMS-- },
		"hours beyond the day":  func(e *schemas.Event) { e.Hours |= 1 << 24 },
		"hours without first":   func(e *schemas.Event) { e.Hours = 1 },
		"reason of an upstream": func(e *schemas.Event) { e.Outcome, e.Reason = schemas.OutcomeFail, schemas.ReasonTLSName },
		"reason of a key": func(e *schemas.Event) {
			e.Subject, e.Outcome, e.Reason = "tls/svc", schemas.OutcomeFail, schemas.ReasonSkew
		},
		"chain of a caller": func(e *schemas.Event) { e.Kind, e.Chain = schemas.EventDetail, chainOf(1, "a0") },
		"chain too long": func(e *schemas.Event) {
			e.Kind, e.Subject, e.Chain = schemas.EventDetail, "tls/svc", chainOf(schemas.MaxChain+1, "a0")
		},
		"chain without digests": func(e *schemas.Event) { e.Kind, e.Subject, e.Chain = schemas.EventDetail, "tls/svc", chainOf(1, "zz") },
		"bad subject":           func(e *schemas.Event) { e.Subject = "key/../x" },
	} {
		e := tallyEvent()
		spoil(&e)
		line, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schemas.ParseEvent(string(line)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, line := range []string{"", "{}", "null", "[]", `{"kind":"tally","secret":"x"}`, `{"kind":1}`} {
		if _, err := schemas.ParseEvent(line); err == nil {
			t.Errorf("%s: taken", line)
		}
	}
}

func TestParseEventDoesNotQuote(t *testing.T) {
	t.Parallel()
	for _, line := range []string{`{"kind":"c4n4ry"}`, `{"c4n4ry":1}`, `c4n4ry`, `{"seq":"c4n4ry"}`, `{}c4n4ry`} {
		if _, err := schemas.ParseEvent(line); err == nil || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%s: error %v", line, err)
		}
	}
}

// TestMergeIsOrderFree adds the same requests in many orders and groupings.
func TestMergeIsOrderFree(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	midnight := noon.Truncate(24 * time.Hour).UnixMilli()
	var whole schemas.Tally
	times := make([]int64, 200)
	for i := range times {
		times[i] = midnight + random.Int64N(24*time.Hour.Milliseconds())
		whole.Add(times[i])
	}
	for range 50 {
		random.Shuffle(len(times), func(i, j int) { times[i], times[j] = times[j], times[i] })
		parts := make([]schemas.Tally, 1+random.IntN(8))
		for _, ms := range times {
			parts[random.IntN(len(parts))].Add(ms)
		}
		var merged schemas.Tally
		for _, p := range parts {
			merged.Merge(p)
		}
		if merged != whole {
			t.Fatalf("merged %+v, want %+v", merged, whole)
		}
	}
}

// A count that has no room stays as high as it can be, in any order.
func TestMergeSaturates(t *testing.T) {
	t.Parallel()
	many, one := schemas.Tally{Count: math.MaxUint64 - 1}, schemas.Tally{Count: 1}
	for _, parts := range [][]schemas.Tally{{many, one, one, many}, {one, many, many, one}, {one, one, many}} {
		var merged schemas.Tally
		for _, p := range parts {
			merged.Merge(p)
		}
		if merged.Count != math.MaxUint64 {
			t.Errorf("%v make %d", parts, merged.Count)
		}
	}
}

func FuzzParseEvent(f *testing.F) {
	e := tallyEvent()
	line, err := e.Line()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"kind":"heartbeat","environment":"e","node":"n","boot":"b","seq":1,"time_ms":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := schemas.ParseEvent(string(line))
		if err != nil {
			return
		}
		again, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schemas.ParseEvent(string(again)); err != nil {
			t.Errorf("an event that was read cannot be read again: %v\n%s", err, again)
		}
	})
}

func TestJournalEntry(t *testing.T) {
	t.Parallel()
	entry := schemas.JournalEntry{
		Seq: 1, Time: noon, Who: "dana", Action: schemas.ActionApply,
		Changes: []schemas.Change{{Subject: "key/demo/k1", After: &schemas.RolloutSubject{Mode: schemas.ModeObserve, Since: noon}}},
		Before:  schemas.Digest(nil), After: schemas.Digest([]byte("x")),
	}
	if err := entry.Seal(); err != nil {
		t.Fatal(err)
	}
	line, err := entry.Line()
	if err != nil {
		t.Fatal(err)
	}
	if v := violations(t, schemas.KindJournal, string(line)); v != nil {
		t.Errorf("what Line writes does not fit the schema: %v", v)
	}
	got, err := schemas.ParseJournalEntry(line)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&entry, got); diff != "" {
		t.Errorf("entry changed (-want +got):\n%s", diff)
	}
	for i := range line {
		if line[i] == '\n' {
			continue
		}
		bad := append([]byte(nil), line...)
		bad[i] ^= 1
		if e, err := schemas.ParseJournalEntry(bad); err == nil && !cmp.Equal(e, got) {
			t.Errorf("a change of byte %d goes unnoticed", i)
		}
	}
}

// TestExamplesFitSchemas holds the documents of the examples against their schemas.
func TestExamplesFitSchemas(t *testing.T) {
	t.Parallel()
	for file, kind := range map[string]schemas.Kind{
		"agent.yaml": schemas.KindAgent, "lockstep.yaml": schemas.KindPolicy,
		"rollout.yaml": schemas.KindRollout, "inventory.yaml": schemas.KindInventory,
	} {
		source, err := os.ReadFile(filepath.Join("..", "testdata", "examples", file))
		if err != nil {
			t.Fatal(err)
		}
		if v := violations(t, kind, string(source)); v != nil {
			t.Errorf("%s: %v", file, v)
		}
	}
}

func TestSchemaTextIsJSON(t *testing.T) {
	t.Parallel()
	for _, kind := range schemas.Kinds() {
		if text, err := schemas.Text(kind); err != nil || !json.Valid(text) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}
