package lint_test

import (
	"strings"
	"testing"
	"time"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestStuckStage: what is stuck depends on when it is judged, and nothing is
// without that.
func TestStuckStage(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		now  time.Time
		want bool
	}{
		"at no time":         {time.Time{}, false},
		"before it began":    {since.AddDate(-1, 0, 0), false},
		"on the last day":    {since.AddDate(0, 0, 60), false},
		"a second after":     {since.AddDate(0, 0, 60).Add(time.Second), true},
		"when all is bygone": {since.AddDate(500, 0, 0), true},
	} {
		report := checkRollout(t, lint.Input{Path: "r.yaml", Now: c.now}, []byte(rolloutHead))
		if got := has(report, "K812"); got != c.want {
			t.Errorf("%s: K812 is %v, want %v", name, got, c.want)
		}
	}
}

// otherRollouts are beside the rollout files of the cases. The brownout of
// paused is over in each.
func otherRollouts() []lint.RolloutFile {
	brownout := schemas.RolloutSubject{Mode: schemas.ModeEnforce, Until: caseTime.AddDate(0, 0, -1), Then: schemas.ModeObserve}
	rollout := func(path string, tier schemas.Tier, orders, billing schemas.Mode) lint.RolloutFile {
		return lint.RolloutFile{Path: path, Rollout: &schemas.Rollout{Tier: tier, Subjects: map[string]schemas.RolloutSubject{
			"key/orders/k0": {Mode: schemas.ModeDisabled}, "key/orders/k1": {Mode: orders}, "key/Billing/k1": {Mode: billing}, "key/paused/k1": brownout,
		}}}
	}
	return []lint.RolloutFile{
		rollout("pro-us.yaml", schemas.TierProduction, schemas.ModeEnforce, schemas.ModeObserve),
		rollout("fat.yaml", schemas.TierStaging, schemas.ModeEnforce, schemas.ModeObserve),
		rollout("dev.yaml", schemas.TierDevelopment, schemas.ModeObserve, schemas.ModeEnforce),
	}
}

// TestCanaryBeside puts a secret into every value of a rollout file and wants
// it in nothing that is printed of those beside it.
func TestCanaryBeside(t *testing.T) {
	t.Parallel()
	const beside = "version: 1\nenvironment: pro\ntier: production\nsubjects:\n  key/orders/k2: {mode: enforce, since: 2026-11-01T00:00:00Z, secret: env:K2}\n"
	held := 0
	for _, template := range templates(t, beside+"journal: {seq: 2, head: ''}\n") {
		for _, disguise := range disguises {
			text := strings.Replace(template.text, placeholder, strings.ReplaceAll(disguise, "§", canary), 1)
			s := lint.RolloutSource("other.yaml", []byte(text))
			file, ok := s.RolloutFile()
			if !ok {
				continue
			}
			report := checkRollout(t, lint.Input{Path: "r.yaml", Others: []lint.RolloutFile{file}}, []byte(rolloutHead))
			if has(report, "K814") {
				held++
			}
			if out := printed(t, report); strings.Contains(out, canary) {
				t.Errorf("%s as %s is printed:\n%s", template.name, disguise, out)
			}
		}
	}
	if held == 0 {
		t.Error("no file was held against another")
	}
}
