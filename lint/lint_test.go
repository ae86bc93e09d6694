package lint_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
// pair of equal keys: here more than a hundred million.
func TestManyDuplicates(t *testing.T) {
	t.Parallel()
	const keys = 15_000
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

// TestTooManyFindings: whatever they are of, a file that has more than anybody
// would read gets no verdict.
func TestTooManyFindings(t *testing.T) {
	t.Parallel()
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	const listener = "- {endpoint_id: a, addr: h:0, timeout: 1h}\n"
	for name, text := range map[string]string{
		"duplicate keys": strings.Repeat("grace_period: 1s\n", 20_002),
		"missing keys":   "listeners:\n" + strings.Repeat("- {}\n", 10_000),
		"null items":     "listeners:\n" + strings.Repeat("-\n", 30_001) + listener,
		"of rules":       "listeners:\n" + strings.Repeat(listener, 15_000),
	} {
		in := lint.Input{Path: "f.yaml", Tier: schemas.TierProduction}
		in.Document, in.Err = schemas.ParseDocument(in.Path, []byte(text))
		if _, err := checker.Check(in); !errors.Is(err, lint.ErrTooManyFindings) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestSignedEndpoints: where the policy says that callers sign, the agent's
// default access log is a leak; elsewhere nobody knows.
func TestSignedEndpoints(t *testing.T) {
	t.Parallel()
	_, p := policy(t, "version: 1\nlisteners: {a: {auth: apollo, app_from: apollo}, b: {auth: none}}")
	for listener, want := range map[string]bool{
		"{endpoint_id: a, addr: '80', timeout: 1s}":                                                                                             true,
		"{endpoint_id: b, addr: '80', timeout: 1s}":                                                                                             false,
		"{endpoint_id: a, addr: '80', timeout: 1s, access_log: {disable: true}}":                                                                false,
		"{endpoint_id: a, addr: '80', timeout: 1s, access_log: {level: error}}":                                                                 true,
		"{endpoint_id: a, addr: '80', timeout: 1s, access_log: {request_headers: {allow_list: [Accept]}}}":                                      false,
		"{endpoint_id: a, addr: '80', timeout: 1s, access_log: {request_headers: {block_list: [authorization, cookie, x-piko-authorization]}}}": false,
	} {
		in := lint.Input{Path: "f.yaml", Tier: schemas.TierProduction, Policy: p}
		if got := has(checkInput(t, in, []byte("listeners: ["+listener+"]")), "S305"); got != want {
			t.Errorf("%s: S305 is %v", listener, got)
		}
	}
}

// TestWithoutTime: what expires is nobody's business without a time.
func TestWithoutTime(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile(filepath.Join(casesDir, "S303", "bad_expired.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[time.Time]bool{{}: false, caseTime.Add(-time.Second): false, caseTime: true} {
		in := lint.Input{Path: "f.yaml", Tier: schemas.TierProduction, Now: now}
		if got := has(checkInput(t, in, source), "S303"); got != want {
			t.Errorf("at %v: S303 is %v", now, got)
		}
	}
}

// TestNotice: the stricter the tier, the nearer an end has to be.
func TestNotice(t *testing.T) {
	t.Parallel()
	const source = "listeners: [{endpoint_id: a, addr: 'https://a.internal', timeout: 1s, tls: {root_cas: /soon.pem}}]"
	end := caseTime.Add(7*24*time.Hour - time.Hour)
	for tier, days := range map[schemas.Tier]int{schemas.TierDevelopment: 30, schemas.TierStaging: 14, schemas.TierProduction: 7} {
		limit := end.AddDate(0, 0, -days)
		for now, want := range map[time.Time]bool{limit: false, limit.Add(time.Second): true, end: true} {
			in := lint.Input{Path: "f.yaml", Tier: tier, Now: now, ReadFile: readCase(t)}
			if got := has(checkInput(t, in, []byte(source)), "T211"); got != want {
				t.Errorf("%s at %v, %d days before: T211 is %v", tier, now, days, got)
			}
		}
	}
}

// TestRootPerTier: staging and production want the root above each
// intermediate, however long the chain, development does not.
func TestRootPerTier(t *testing.T) {
	t.Parallel()
	for tier, want := range map[schemas.Tier]map[string]bool{
		schemas.TierDevelopment: {"intermediate.pem": false, "upper.pem": false, "chain.pem": false},
		schemas.TierStaging:     {"intermediate.pem": true, "upper.pem": true, "chain.pem": false},
		schemas.TierProduction:  {"intermediate.pem": true, "upper.pem": true, "chain.pem": false},
	} {
		for file, want := range want {
			source := "listeners: [{endpoint_id: a, addr: 'https://a.internal', timeout: 1s, tls: {root_cas: /" + file + "}}]"
			in := lint.Input{Path: "f.yaml", Tier: tier, Now: caseTime, ReadFile: readCase(t)}
			if got := has(checkInput(t, in, []byte(source)), "T222"); got != want {
				t.Errorf("%s with %s: T222 is %v", tier, file, got)
			}
		}
	}
}

// TestLongLine is over at once too, though everything stands on one line
// whose columns are no bytes.
func TestLongLine(t *testing.T) {
	t.Parallel()
	const items = 5_000
	report := check(t, ".", "f.yaml", []byte("listeners: ["+strings.Repeat("{endpoint_id: ä, addr: https://h, timeout: 1s, tls: {insecure_skip_verify: on}}, ", items)+"]"))
	last := report.Findings[len(report.Findings)-1]
	if len(report.Findings) < items || !strings.Contains(last.Snippet.Text, "{endpoint_id: ä, addr: https://h, timeout: 1s, tls: {insecure_skip_verify: on}}") {
		t.Errorf("%d findings, the last one shows %q", len(report.Findings), last.Snippet.Text)
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
lockstep.yaml:6:3: there is no such rule`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want\n%s", err, want)
	}
	hints := strings.Join(schemas.Hints(err), "\n")
	if hints != "did you mean T201?\nwrite T201, the id of this rule\n`lockstep lint rules` lists the rules" {
		t.Errorf("hints\n%s", hints)
	}
	doc, p = policy(t, `version: 1
rules:
  T201: {staging: off, production: off}
  P001: {development: off, production: info}
  A103: {staging: off}
  T205: {production: off}
`)
	want = `lockstep.yaml:5:19: A103 may not be switched off in staging
lockstep.yaml:4:23: P001 may not be switched off in development
lockstep.yaml:3:36: T201 may not be switched off in production`
	if err := lint.CheckPolicy(doc, p); err == nil || err.Error() != want || len(schemas.Hints(err)) != 1 {
		t.Errorf("error %v, want\n%s", err, want)
	}
	doc, p = policy(t, "version: 1\nrules: {P001: {staging: info}}")
	if err := lint.CheckPolicy(doc, p); err != nil {
		t.Error(err)
	}
}
