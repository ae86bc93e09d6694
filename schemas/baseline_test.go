package schemas_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// TestBaseline: what is written is read again, in the same order from
// whatever order it comes.
func TestBaseline(t *testing.T) {
	t.Parallel()
	one := schemas.KnownFinding{Path: "a.yaml", Rule: "T201", Fingerprint: strings.Repeat("1", 64)}
	two := schemas.KnownFinding{Path: "a.yaml", Rule: "T201", Fingerprint: strings.Repeat("2", 64)}
	three := schemas.KnownFinding{Path: "b: \"\u2028\".yaml", Rule: "A101", Fingerprint: strings.Repeat("0", 64)}
	want := []schemas.KnownFinding{one, one, two, three}
	first, err := (&schemas.Baseline{Findings: []schemas.KnownFinding{three, one, two, one}}).JSON()
	if err != nil {
		t.Fatal(err)
	}
	second, err := (&schemas.Baseline{Findings: []schemas.KnownFinding{two, one, one, three}}).JSON()
	if err != nil || string(first) != string(second) {
		t.Errorf("%v, one order gives\n%s\nthe other\n%s", err, first, second)
	}
	doc, err := schemas.ParseDocument("baseline.json", first)
	if err != nil {
		t.Fatal(err)
	}
	read, err := schemas.DecodeBaseline(doc)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&schemas.Baseline{Version: 1, Findings: want}, read); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
}

func TestEmptyBaseline(t *testing.T) {
	t.Parallel()
	text, err := (&schemas.Baseline{}).JSON()
	if want := "{\n  \"version\": 1,\n  \"findings\": []\n}\n"; err != nil || string(text) != want {
		t.Errorf("%q, %v", text, err)
	}
}

func TestDecodeBaseline(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		"":                              "b.json:1:1: the file is empty, a lint-baseline is expected",
		`{"version": 2, "findings":[]}`: "b.json:1:13: version is not the value this version reads",
		`{"version": 1, "findings": [{"path": "a", "rule": "T201", "fingerprint": "AB"}]}`: "b.json:1:74: fingerprint is not written as it should be",
	} {
		doc, err := schemas.ParseDocument("b.json", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := schemas.DecodeBaseline(doc); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
}
