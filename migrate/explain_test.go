package migrate

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/schemas"
)

// Each kind of name, one after the other in one file.
func TestExplainGolden(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(casesDir, "in-the-way")
	in := caseInput(t, dir)
	view := viewOf(t, in, nil, History{Entries: someEntries()})
	var text bytes.Buffer
	for _, name := range []string{"nightly", "month-end", "10.1.2.3", "web", "\u202egnp.exe\x1b[2J", "key/broken", "key/BROKEN/k1", "key/recent/k1"} {
		text.WriteString("== " + printable(name) + "\n")
		e, err := view.Explain(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.WriteText(&text); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, filepath.Join(dir, "explain.golden.txt"), text.Bytes())
	if strings.ContainsAny(text.String(), "\x1b\u202e") || strings.Contains(text.String(), "CANARY") {
		t.Error("a raw name or a secret is shown")
	}
}

func TestExplainUnknown(t *testing.T) {
	t.Parallel()
	in := caseInput(t, filepath.Join(casesDir, "in-the-way"))
	view := viewOf(t, in, nil, History{})
	for name, hint := range map[string]string{
		"nightli":       "did you mean nightly?",
		"month-ende":    "did you mean month-end?",
		"key/broken/k2": "did you mean key/broken/k1?",
		"something":     "`lockstep migrate evidence` lists the clients",
	} {
		_, err := view.Explain(name)
		if hints := strings.Join(schemas.Hints(err), "\n"); err == nil || !strings.Contains(hints, hint) {
			t.Errorf("%s: error %v, hints %q, want %q", name, err, hints, hint)
		}
	}
}

// Every reason has words of its own and says what to do.
func TestCauses(t *testing.T) {
	t.Parallel()
	seen := map[cause]schemas.Reason{}
	for _, reason := range append(schemas.Reasons(), schemas.ReasonNone) {
		c := causeOf(reason)
		if other, twice := seen[c]; twice || c.what == "" || c.fix == "" {
			t.Errorf("%q has the words of %q: %+v", reason, other, c)
		}
		seen[c] = reason
	}
}

// One client that fails a million times counts less than two that fail once.
func TestCausesCountClients(t *testing.T) {
	t.Parallel()
	in := demoInput(8)
	addVisit(&in, "busy", 1, schemas.ReasonSkew, 1_000_000)
	addVisit(&in, "a", 1, schemas.ReasonMissing, 1)
	addVisit(&in, "a", 2, schemas.ReasonMissing, 1)
	addVisit(&in, "b", 1, schemas.ReasonMissing, 1)
	causes := causesOf(visitorsOf(&in, nil)["demo"])
	if len(causes) != 2 || causes[0].Reason != schemas.ReasonMissing || causes[0].Clients != 2 || causes[0].Requests != 3 || causes[1].Requests != 1_000_000 {
		t.Errorf("causes %+v", causes)
	}
}
