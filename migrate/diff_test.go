package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/schemas"
)

func TestDiffGolden(t *testing.T) {
	t.Parallel()
	for _, dir := range caseDirs(t) {
		in := caseInput(t, dir)
		var text bytes.Buffer
		if err := viewOf(t, in, nil, History{}).Diff().WriteText(&text); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(dir, "diff.golden.txt"), text.Bytes())
	}
}

// A client that passes since its failure is not refused; one under two keys of
// an app counts once.
func TestDiffCounts(t *testing.T) {
	t.Parallel()
	in := demoInput(10)
	in.Rollout.Subjects["key/demo/k2"] = in.Rollout.Subjects["key/demo/k1"]
	addVisit(&in, "web", 1, schemas.ReasonNone, 80)
	addVisit(&in, "repaired", 5, schemas.ReasonSkew, 100)
	for i := range 5 {
		addVisit(&in, "repaired", i, schemas.ReasonNone, 1)
	}
	addVisit(&in, "broken", 3, schemas.ReasonNone, 5)
	addVisit(&in, "broken", 1, schemas.ReasonSkew, 10)
	addVisit(&in, "stranger", 1, schemas.ReasonMissing, 20)
	d := viewOf(t, in, nil, History{}).Diff()
	if d.Refused.Clients != 1 || d.Refused.Strangers != 1 || d.Refused.Accepted != 0 || len(d.Clients) != 2 || d.Clients[0].Client != "broken" {
		t.Fatalf("%+v", d)
	}
	const perDay, all = 3, 22
	if math.Abs(d.Refused.PerDay-perDay) > 1e-9 || math.Abs(d.Refused.Share-perDay/float64(all)) > 1e-9 {
		t.Errorf("%g a day, a share of %g; want %d and %g", d.Refused.PerDay, d.Refused.Share, perDay, perDay/float64(all))
	}
	if got, want := d.Refused.String(), "if enforced now: 2 clients would be refused (1 stranger, 0 accepted), requests a day: about 3, 14 % of all"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// A list for people has an end, which says how much is left out.
func TestDiffIsBounded(t *testing.T) {
	t.Parallel()
	in := demoInput(10)
	addVisit(&in, "web", 1, schemas.ReasonNone, 80)
	for i := range 1000 {
		addVisit(&in, fmt.Sprintf("stranger-%d", i), 1, schemas.ReasonMissing, 20)
	}
	var text strings.Builder
	if err := viewOf(t, in, nil, History{}).Diff().WriteText(&text); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), "and 950 more\n") || strings.Count(text.String(), "stranger-") != maxListed {
		t.Errorf("text:\n%s", text.String())
	}
}

func TestLooksNoticeBrokenWriters(t *testing.T) {
	t.Parallel()
	in := caseInput(t, filepath.Join(casesDir, "ready"))
	view := viewOf(t, in, nil, History{})
	status := view.Status()
	for name, err := range map[string]error{
		"status text": status.WriteText(brokenWriter{}),
		"status json": status.WriteJSON(brokenWriter{}),
		"diff":        view.Diff().WriteText(brokenWriter{}),
		"explanation": (&Explanation{Clients: []ClientExplanation{{}}}).WriteText(brokenWriter{}),
	} {
		if !errors.Is(err, errBroken) {
			t.Errorf("%s: error %v, want %v", name, err, errBroken)
		}
	}
}
