package lint_test

import (
	"errors"
	"strings"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

const skipping = "listeners: [{endpoint_id: svc, addr: 'https://h', timeout: 1s, tls: {insecure_skip_verify: true}}]\n"

func policy(t *testing.T, source string) (*schemas.Document, *schemas.Policy) {
	t.Helper()
	doc, err := schemas.ParseDocument("lockstep.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	p, err := schemas.DecodePolicy(doc)
	if err != nil {
		t.Fatal(err)
	}
	return doc, p
}

// TestLevels: the level of a finding comes from the table, unless the policy
// sets one for the tier.
func TestLevels(t *testing.T) {
	t.Parallel()
	_, p := policy(t, "version: 1\nrules: {T201: {staging: error, production: off}}")
	for _, c := range []struct {
		tier   schemas.Tier
		policy *schemas.Policy
		want   schemas.Level
	}{
		{schemas.TierDevelopment, nil, schemas.LevelInfo},
		{schemas.TierStaging, nil, schemas.LevelWarning},
		{schemas.TierProduction, nil, schemas.LevelError},
		{schemas.TierDevelopment, p, schemas.LevelInfo},
		{schemas.TierStaging, p, schemas.LevelError},
		{schemas.TierProduction, p, schemas.LevelOff},
	} {
		report := checkInput(t, lint.Input{Path: "f.yaml", Tier: c.tier, Policy: c.policy}, []byte(skipping))
		got := lint.Summarize([]*lint.Report{report}).Worst()
		if got != c.want || report.Tier != c.tier {
			t.Errorf("%s, policy %v: %s, want %s", c.tier, c.policy != nil, got, c.want)
		}
	}
}

// TestTier: whoever names a tier has to name the same one.
func TestTier(t *testing.T) {
	t.Parallel()
	_, globs := policy(t, "version: 1\ntiers: [{path: 'dev/**', tier: development}]")
	rollout := &schemas.Rollout{Tier: schemas.TierStaging}
	const dev, staging = "# lockstep: tier=development\n", "# lockstep: tier=staging\n"
	for _, c := range []struct {
		name    string
		in      lint.Input
		comment string
		want    schemas.Tier // or
		err     string
	}{
		{"nobody", lint.Input{}, "", schemas.TierProduction, ""},
		{"flag", lint.Input{Tier: schemas.TierStaging}, "", schemas.TierStaging, ""},
		{"comment", lint.Input{}, "#!/bin/x\n\n" + dev + "# more\n---\n", schemas.TierDevelopment, ""},
		{"comment twice", lint.Input{}, dev + dev, schemas.TierDevelopment, ""},
		{"policy", lint.Input{Path: "dev/a.yaml", Policy: globs}, "", schemas.TierDevelopment, ""},
		{"policy elsewhere", lint.Input{Policy: globs}, "", schemas.TierProduction, ""},
		{"rollout", lint.Input{Rollout: rollout}, "", schemas.TierStaging, ""},
		{"all agree", lint.Input{Tier: schemas.TierStaging, Rollout: rollout, Policy: globs}, staging, schemas.TierStaging, ""},
		{"flag and comment", lint.Input{Tier: schemas.TierStaging}, dev, "", "--tier says staging, the comment in the file says development"},
		{"comment and policy", lint.Input{Path: "dev/a.yaml", Policy: globs}, staging, "", "the comment in the file says staging, the policy says development"},
		{"policy and rollout", lint.Input{Path: "dev/a.yaml", Policy: globs, Rollout: rollout}, "", "", "the policy says development, the rollout says staging"},
		{"comments", lint.Input{}, dev + staging, "", "line 1 says development, line 2 says staging"},
		{"unknown", lint.Input{}, "# x\n#  lockstep: tier=prod  \n", "", "f.yaml:2:19: the comment names no tier"},
		{"empty", lint.Input{}, "# lockstep: tier=\n", "", "f.yaml:1:18: the comment names no tier"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checker, err := lint.NewChecker()
			if err != nil {
				t.Fatal(err)
			}
			if c.in.Path == "" {
				c.in.Path = "f.yaml"
			}
			c.in.Document, c.in.Err = schemas.ParseDocument(c.in.Path, []byte(c.comment+skipping))
			report, err := checker.Check(c.in)
			switch {
			case c.err != "":
				if err == nil || !strings.HasSuffix(err.Error(), c.err) || !strings.Contains(err.Error(), c.in.Path) {
					t.Errorf("error %v, want %s", err, c.err)
				}
				if len(schemas.Hints(err)) == 0 {
					t.Error("the error has no hint")
				}
			case err != nil:
				t.Error(err)
			case report.Tier != c.want:
				t.Errorf("tier %s, want %s", report.Tier, c.want)
			case has(report, "M604") != (c.name == "nobody" || c.name == "policy elsewhere"):
				t.Errorf("M604: %v", has(report, "M604"))
			}
		})
	}
}

// TestNotYAML: the parser's fault is the finding, and no rule fails on it.
func TestNotYAML(t *testing.T) {
	t.Parallel()
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	for _, cause := range []error{
		&schemas.Fault{Path: "f.yaml", Span: schemas.Span{Start: schemas.Position{Line: 3, Column: 4}}, Message: "it is not YAML", Remedy: "look"},
		errors.New("other"),
	} {
		report, err := checker.Check(lint.Input{Path: "f.yaml", Err: cause})
		if err != nil {
			t.Fatal(err)
		}
		if len(report.Findings) != 1 || report.Findings[0].Message != "`piko agent start` v0.9 refuses this file: it is not YAML" {
			t.Errorf("findings %+v", report.Findings)
		}
		if report.Findings[0].Span.Start.Line < 1 {
			t.Errorf("place %v", report.Findings[0].Span)
		}
	}
}

// TestManyDuplicates is over at once, though the agent's decoder notes every
// pair of equal keys: here more than a thousand million.
func TestManyDuplicates(t *testing.T) {
	t.Parallel()
	const keys = 50_000
	report := check(t, ".", "f.yaml", []byte(strings.Repeat("grace_period: 1s\n", keys)))
	duplicates := 0
	for _, f := range report.Findings {
		if f.Rule == "P004" {
			duplicates++
		}
	}
	if duplicates != keys-1 || report.Piko.Verdict != lint.Reject {
		t.Errorf("%d duplicates, verdict %+v", duplicates, report.Piko)
	}
}

func TestCheckPolicy(t *testing.T) {
	t.Parallel()
	doc, p := policy(t, `version: 1
rules:
  T201: {production: warning}
  T200: {production: off}
  "insecure-skip-verify": {production: off}
  no/such~rule: {production: off}
`)
	err := lint.CheckPolicy(doc, p)
	want := `lockstep.yaml:4:3: there is no rule "T200"
lockstep.yaml:5:3: there is no rule "insecure-skip-verify"
lockstep.yaml:6:3: there is no rule "no/such~rule"`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want\n%s", err, want)
	}
	hints := strings.Join(schemas.Hints(err), "\n")
	if hints != "did you mean T201?\nwrite T201, the id of this rule\n`lockstep lint rules` lists the rules" {
		t.Errorf("hints\n%s", hints)
	}
	doc, p = policy(t, "version: 1\nrules: {P001: {staging: info}}")
	if err := lint.CheckPolicy(doc, p); err != nil {
		t.Error(err)
	}
}
