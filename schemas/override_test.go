package schemas_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

func anOverride() schemas.Override {
	return schemas.Override{
		Subject: "key/demo/k1", Mode: schemas.ModeObserve, Since: noon, Who: "lee", Reason: "clients fail", Entry: schemas.Digest(nil),
	}
}

func TestOverridesRoundTrip(t *testing.T) {
	t.Parallel()
	for _, list := range [][]schemas.Override{{}, {anOverride()}} {
		text, err := (&schemas.Overrides{Overrides: list}).JSON()
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeOverrides(string(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(list, got.Overrides); diff != "" {
			t.Errorf("overrides changed (-want +got):\n%s", diff)
		}
	}
}

func decodeOverrides(text string) (*schemas.Overrides, error) {
	doc, err := schemas.ParseDocument("overrides.json", []byte(text))
	if err != nil {
		return nil, err
	}
	return schemas.DecodeOverrides(doc)
}

func TestOverridesRefuse(t *testing.T) {
	t.Parallel()
	whole, err := (&schemas.Overrides{Overrides: []schemas.Override{anOverride(), {
		Subject: "key/demo/k2", Mode: schemas.ModeDisabled, Since: noon, Who: "lee", Reason: "r", Entry: schemas.Digest(nil),
	}}}).JSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, replace := range map[string][2]string{
		"empty":           {string(whole), ""},
		"cut":             {string(whole), string(whole[:len(whole)/2])},
		"another version": {`"version": 1`, `"version": 2`},
		"enforce":         {`"observe"`, `"enforce"`},
		"unknown field":   {`"who"`, `"whom"`},
		"no reason":       {"clients fail", " "},
		"no digest":       {schemas.Digest(nil), "sha256:x"},
		"no subject":      {"key/demo/k1", "key/demo"},
		"twice":           {"key/demo/k2", "key/DEMO/k1"},
	} {
		text := strings.Replace(string(whole), replace[0], replace[1], 1)
		if text == string(whole) {
			t.Fatalf("%s: nothing was spoilt", name)
		}
		if _, err := decodeOverrides(text); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestCheckOverride(t *testing.T) {
	t.Parallel()
	good := anOverride()
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*schemas.Override){
		"subject": func(o *schemas.Override) { o.Subject = "demo" },
		"app":     func(o *schemas.Override) { o.Subject = "key/demo" },
		"enforce": func(o *schemas.Override) { o.Mode = schemas.ModeEnforce },
		"mode":    func(o *schemas.Override) { o.Mode = "" },
		"reason":  func(o *schemas.Override) { o.Reason = " " },
		"long":    func(o *schemas.Override) { o.Reason = strings.Repeat("x", 1001) },
		"control": func(o *schemas.Override) { o.Who = "a\x7f" },
		"who":     func(o *schemas.Override) { o.Who = "" },
	} {
		o := anOverride()
		spoil(&o)
		if err := o.Check(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// Every field of an entry counts for its digest, the time zone of a moment does not.
func TestEntryDigest(t *testing.T) {
	t.Parallel()
	entry := schemas.RolloutSubject{Mode: schemas.ModeEnforce, Since: noon, Secret: "file:k"}
	same := entry
	same.Since = noon.In(time.FixedZone("", 3600))
	if entry.Digest() != same.Digest() {
		t.Error("a time zone changes the digest")
	}
	for name, change := range map[string]func(*schemas.RolloutSubject){
		"mode":   func(s *schemas.RolloutSubject) { s.Mode = schemas.ModeObserve },
		"since":  func(s *schemas.RolloutSubject) { s.Since = noon.Add(1) },
		"secret": func(s *schemas.RolloutSubject) { s.Secret = "file:k2" },
		"batch":  func(s *schemas.RolloutSubject) { s.Batch = "b" },
		"until":  func(s *schemas.RolloutSubject) { s.Until = noon },
		"then":   func(s *schemas.RolloutSubject) { s.Then = schemas.ModeObserve },
		"share":  func(s *schemas.RolloutSubject) { s.Share = 10 },
	} {
		other := entry
		if change(&other); other.Digest() == entry.Digest() {
			t.Errorf("%s: the digest stays", name)
		}
	}
}

func TestParseEventRefusesOverrides(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*schemas.Event){
		"subject": func(e *schemas.Event) { e.Subject = "key/demo" },
		"mode":    func(e *schemas.Event) { e.Mode = schemas.ModeEnforce },
		"change":  func(e *schemas.Event) { e.Change = "gone" },
		"since":   func(e *schemas.Event) { e.SinceMS = 0 },
		"why":     func(e *schemas.Event) { e.Why = strings.Repeat("x", 1001) },
	} {
		e := schemas.Event{
			Kind: schemas.EventOverride, Environment: "eu", Node: "n1", Boot: "b", Seq: 3, TimeMS: 2,
			Subject: "key/demo/k1", Mode: schemas.ModeObserve, Change: schemas.OverrideSet, SinceMS: 1,
		}
		spoil(&e)
		line, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schemas.ParseEvent(string(line)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
