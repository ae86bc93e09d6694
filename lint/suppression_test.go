package lint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

// today is the day on which all tests judge suppressions, at its last second
// where the sun sets late.
var today = time.Date(2026, 11, 21, 13, 59, 59, 0, time.FixedZone("east", 14*60*60-1))

// suppressing is a config with T205 on line 8, and a place for a comment
// above it and behind it.
func suppressing(above, behind string) string {
	return strings.Join([]string{
		"listeners:", "  - endpoint_id: svc", "    addr: https://h", "    timeout: 1s", "    tls:",
		"      insecure_skip_verify: on", above, "      root_cas: ca.pem" + behind,
	}, "\n")
}

func suppressedBy(t *testing.T, tier schemas.Tier, source string) (rules []string, report *lint.Report) {
	t.Helper()
	report = checkInput(t, lint.Input{Path: "f.yaml", Tier: tier, Now: today}, []byte(source))
	for _, s := range report.Suppressed {
		rules = append(rules, s.Rule)
	}
	return rules, report
}

// TestSuppressions goes through what a suppression may look like. Each is
// tried above the finding and on its line.
func TestSuppressions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		comment string
		tier    schemas.Tier
		want    string // the rule that complains, empty if T205 is suppressed
	}{
		{`# lockstep:ignore[T205] reason="old CA" until=2026-11-21`, schemas.TierProduction, ""},
		{`# lockstep:ignore[T205] until=2026-11-21 reason="old CA"`, schemas.TierProduction, ""},
		{`#lockstep: ignore[ T205 ]  reason=old until="2026-12-01"  # more`, schemas.TierProduction, ""},
		{`# é # lockstep:ignore[T205] reason="until=2020-01-01" until=2027-02-19`, schemas.TierProduction, ""},
		{`# lockstep:ignore[T205] reason="x" until=9999-12-31`, schemas.TierDevelopment, ""},
		{`# lockstep:ignore[T205] reason="x" until=2027-05-20`, schemas.TierStaging, ""},
		{`# lockstep:ignore[T205] reason="x" until=2026-11-20`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205] reason="x" until=2026-02-30`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205] reason="x" until=tomorrow`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205] reason="x" until=2026-12-01 until=2026-12-01`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205] reason="x", until=2026-12-01`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205] reason="x until=2026-12-01`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205] because until=2026-12-01`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205 reason="x" until=2026-12-01`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[] reason="x" until=2026-12-01`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205,] reason="x" until=2026-12-01`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore reason="x" until=2026-12-01`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore-all`, schemas.TierDevelopment, "M601"},
		{`# lockstep:ignore[T205] until=2026-12-01`, schemas.TierDevelopment, "M602"},
		{`# lockstep:ignore[T205] reason=" " until=2026-12-01`, schemas.TierDevelopment, "M602"},
		{`# lockstep:ignore[T205] reason="x"`, schemas.TierDevelopment, "M602"},
		{`# lockstep:ignore[T205]`, schemas.TierProduction, "M602"},
		{`# lockstep:ignore[T205] reason="x" until=2027-02-20`, schemas.TierProduction, "M602"},
		{`# lockstep:ignore[T205] reason="x" until=2027-05-21`, schemas.TierStaging, "M602"},
		{`# lockstep:ignore[T204] reason="x" until=2026-12-01`, schemas.TierStaging, "M603"},
		{`# lockstep:ignore[t205] reason="x" until=2026-12-01`, schemas.TierStaging, "M603"},
		{`# lockstep:ignore[M603] reason="x" until=2026-12-01`, schemas.TierDevelopment, "M603"},
	} {
		for _, source := range []string{suppressing(c.comment, ""), suppressing("      "+c.comment, ""), suppressing("", " "+c.comment)} {
			suppressed, report := suppressedBy(t, c.tier, source)
			if (c.want == "") != slices.Equal(suppressed, []string{"T205"}) || has(report, "T205") != (c.want != "") {
				t.Errorf("%s: suppressed %v", c.comment, suppressed)
			}
			for _, rule := range []string{"M601", "M602", "M603"} {
				if has(report, rule) != (rule == c.want) {
					t.Errorf("%s: %s is %v, want %q", c.comment, rule, has(report, rule), c.want)
				}
			}
		}
	}
}

// TestSuppressionPlaces: only comments count, and only right above or behind.
func TestSuppressionPlaces(t *testing.T) {
	t.Parallel()
	const good = `# lockstep:ignore[T205] reason="x" until=2026-12-01`
	other := strings.ReplaceAll(good, "T205", "T204")
	for name, c := range map[string]struct {
		source string
		want   bool
	}{
		"comments between": {suppressing(good+"\n  # why\n#", ""), true},
		"two":              {suppressing(good+"\n"+other, ""), true},
		"two on a line":    {suppressing("", " "+other+" "+good), false},
		"two rules":        {suppressing(strings.ReplaceAll(good, "T205", "T204, T205"), ""), true},
		"blank line":       {suppressing(good+"\n", ""), false},
		"another line":     {strings.Replace(suppressing("", ""), "1s", "1s "+good, 1), false},
		"below":            {suppressing("", "\n"+good), false},
		"no comment":       {suppressing("", good), false},
		"prose":            {suppressing("# write lockstep:ignore[T205] reason=\"x\" until=2026-12-01", ""), false},
		"quoted":           {suppressing("      cert: \"\n       # lockstep:ignore[T205] reason=x until=2026-12-01\"", ""), false},
		"in a block":       {suppressing("      cert: |\n        "+good, ""), false},
		"below a block":    {suppressing("      cert: |\n        a\n      "+good, ""), true},
		"after the end":    {suppressing("", "\n---\n"+good), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suppressed, report := suppressedBy(t, schemas.TierStaging, c.source)
			if got := slices.Contains(suppressed, "T205"); got != c.want || has(report, "T205") == c.want {
				t.Errorf("suppressed %v, findings %+v\n%s", suppressed, report.Findings, c.source)
			}
		})
	}
}

// TestSuppressionBinding: some rules are not to be argued with in production.
func TestSuppressionBinding(t *testing.T) {
	t.Parallel()
	source := []byte("# lockstep:ignore[T201,S301] reason=\"x\" until=2026-11-22\n" + skipping)
	for tier, want := range map[schemas.Tier][]string{
		schemas.TierDevelopment: {"M603 S301", "suppressed T201"},
		schemas.TierProduction:  {"M603 T201", "M603 S301", "T201 true"},
	} {
		report := checkInput(t, lint.Input{Path: "f.yaml", Tier: tier, Now: today}, source)
		var got []string
		for _, f := range report.Findings {
			got = append(got, strings.TrimSpace(f.Rule+" "+strings.Trim(textAt(source, f.Span), "on")))
		}
		for _, s := range report.Suppressed {
			got = append(got, "suppressed "+s.Rule)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tier, diff)
		}
	}
	var binding []string
	for _, r := range lint.Rules() {
		if r.Locked {
			binding = append(binding, r.ID)
		}
	}
	for _, id := range []string{"P001", "T201", "T202", "S301", "S302", "M601"} {
		if !slices.Contains(binding, id) {
			t.Errorf("%s can be suppressed in production", id)
		}
	}
}

// TestSuppressionAdmission: what a comment puts up with is not loaded for that.
func TestSuppressionAdmission(t *testing.T) {
	t.Parallel()
	source := []byte("listeners:\n  - endpoint_id: a\n    addr: ftp://h # lockstep:ignore[A102] reason=x until=2026-11-21\n    timeout: 1s\n")
	report := checkInput(t, lint.Input{Path: "f.yaml", Tier: schemas.TierProduction, Now: today}, source)
	if len(report.Findings) > 0 || len(report.Suppressed) != 1 || report.Suppressed[0].Until != "2026-11-21" || report.Suppressed[0].Reason != "x" {
		t.Fatalf("report %+v", report)
	}
	if refusals := report.Refusals(); len(refusals) != 1 || refusals[0].Rule != "A102" {
		t.Errorf("refusals %+v", refusals)
	}
	if s := lint.Summarize([]*lint.Report{report}); s.Worst() != schemas.LevelOff || s.Suppressed != 1 {
		t.Errorf("summary %+v", s)
	}
	for _, r := range lint.Rules() {
		if strings.HasPrefix(r.ID, "M") && !r.Admit {
			t.Errorf("%s decides admission", r.ID)
		}
	}
}

// TestSuppressionsUnjudged: without a day there is no suppression, and the
// policy may turn a rule off without making its suppressions unused.
func TestSuppressionsUnjudged(t *testing.T) {
	t.Parallel()
	source := []byte(suppressing("", ` # lockstep:ignore[T205] reason="x" until=2026-12-01`))
	report := checkInput(t, lint.Input{Path: "f.yaml", Tier: schemas.TierDevelopment}, source)
	if len(report.Suppressed) > 0 || !has(report, "T205") {
		t.Errorf("without a day: %+v", report)
	}
	_, off := policy(t, "version: 1\nrules: {T205: {development: off}}")
	report = checkInput(t, lint.Input{Path: "f.yaml", Tier: schemas.TierDevelopment, Policy: off, Now: today}, source)
	if len(report.Suppressed) > 0 || has(report, "M603") {
		t.Errorf("with the rule off: %+v", report)
	}
}

// TestSuppressionRulesAreLast: they judge the findings of all others.
func TestSuppressionRulesAreLast(t *testing.T) {
	t.Parallel()
	rules := lint.Rules()
	var last []string
	for _, r := range rules[len(rules)-4:] {
		last = append(last, r.ID)
	}
	if got := fmt.Sprint(last); got != "[M601 M602 M603 M605]" {
		t.Errorf("the last rules are %s", got)
	}
}
