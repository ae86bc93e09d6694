package lint_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/schemas"
)

// recordedEnv is what the real agent's environment was when its verdicts on
// expanded configs were recorded.
func recordedEnv(name string) string {
	return map[string]string{"PV": "v", "ML": "x\n    timeout: 99s", "HASH": "a #b", "COLON": "a: b"}[name]
}

// checkExpanded lints a source with variables put in.
func checkExpanded(tb testing.TB, in lint.Input, source []byte, getenv func(string) string) *lint.Report {
	tb.Helper()
	checker, err := sharedChecker()
	if err != nil {
		tb.Fatal(err)
	}
	expansion, err := schemas.Expand(source, getenv)
	if err != nil {
		tb.Fatal(err)
	}
	in.Document, in.Err = schemas.ParseExpanded(in.Path, expansion)
	report, err := checker.Check(in)
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

// TestExpandedVerdictsOfTheRealAgent is the conformance bar for configs of an
// agent that is started with --config.expand-env.
func TestExpandedVerdictsOfTheRealAgent(t *testing.T) {
	t.Parallel()
	all := recordings(t)
	for _, r := range all {
		in := lint.Input{Path: r.File, Tier: schemas.TierProduction, ReadFile: func(name string) ([]byte, error) {
			return inputfile.Read(filepath.Join(pikoDir, "cases", name))
		}}
		report := checkExpanded(t, in, r.Source, recordedEnv)
		if string(report.Piko.Verdict) != r.Expand.Verdict {
			t.Errorf("%s: verdict %s (%s), the real agent says %s (%s)",
				r.File, report.Piko.Verdict, report.Piko.Message, r.Expand.Verdict, r.Expand.Message)
		}
	}
	if len(all) != 116 {
		t.Errorf("%d recorded verdicts, want 116", len(all))
	}
}

// TestExpandedPlaces wants findings about a variable at its placeholder, and
// the endpoint called as in the file.
func TestExpandedPlaces(t *testing.T) {
	t.Parallel()
	source := "# $COLON\nlisteners:\n  - endpoint_id: ${PV}\n    addr: ${PV}\n    timeout: 1s\n    tls: {root_cas: 'no-${PV}.pem'}\n"
	in := lint.Input{Path: "f.yaml", Tier: schemas.TierProduction, ReadFile: func(string) ([]byte, error) { return nil, errors.New("no file") }}
	report := checkExpanded(t, in, []byte(source), recordedEnv)
	for rule, want := range map[string]string{"addr": "${PV}", "root_cas": "'no-${PV}.pem'"} {
		found := false
		for _, f := range report.Findings {
			if strings.HasSuffix(f.Pointer, rule) && f.Rule == "P001" {
				found = true
				if got := textAt([]byte(source), f.Span); got != want || f.EndpointID != "${PV}" {
					t.Errorf("%s stands at %q of endpoint %q, want %q", f.Message, got, f.EndpointID, want)
				}
			}
		}
		if !found {
			t.Errorf("no finding at %s: %+v", rule, report.Findings)
		}
	}
}

// TestExpandedToken: a token from a variable does not stand in the file.
func TestExpandedToken(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]bool{"${PV}": false, "'x$PV'": false, "plain": true, "plain # $PV": true} {
		source := "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]\nconnect:\n  url: https://piko\n  token: " + token + "\n"
		report := checkExpanded(t, lint.Input{Path: "f.yaml", Tier: schemas.TierProduction}, []byte(source), recordedEnv)
		if got := has(report, "S301"); got != want {
			t.Errorf("token %s: S301 is %v", token, got)
		}
	}
}

// TestCanaryInVariables puts a secret into every value of a config by way of
// a variable, in forms that break the YAML around it, and wants it in nothing
// that is printed.
func TestCanaryInVariables(t *testing.T) {
	t.Parallel()
	checker, err := sharedChecker()
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	all := append(templates(t, everyKey), templates(t, "unknown: x\n"+everyKey)...)
	all = append(all, template{text: strings.Replace(everyKey, "svc", placeholder, 1), name: "endpoint_id"},
		template{text: strings.Replace(everyKey, "tenant_id", placeholder, 1), name: "a key"})
	for i, template := range all {
		for j, disguise := range []string{"c§", "*§", "!§ x", "{a: s§}", "x\n§: y\n§: z", "x #§", "'§", "x\n    §: 1\n    §: 2", "x\n---\n§"} {
			for k, at := range []string{"${CANARY}", "'$CANARY'", "|\n  $CANARY", "one\n      ${CANARY}"} {
				if !sampled(i + j + k) {
					continue
				}
				tried++
				source := strings.Replace(template.text, placeholder, at, 1)
				expansion, err := schemas.Expand([]byte(source), func(name string) string {
					return map[string]string{"CANARY": strings.ReplaceAll(disguise, "§", canary)}[name]
				})
				if err != nil {
					t.Fatal(err)
				}
				in := lint.Input{Path: "f.yaml", Inventory: true, ReadFile: func(string) ([]byte, error) { return nil, errors.New("no file") }}
				in.Document, in.Err = schemas.ParseExpanded(in.Path, expansion)
				report, err := checker.Check(in)
				if err != nil {
					t.Fatal(err)
				}
				if out := printed(t, report); strings.Contains(out, canary) {
					t.Fatalf("%s as %s with %s is printed:\n%s", template.name, at, disguise, out)
				}
				if in.Document != nil {
					hides(t, in.Document, canary, template.name+" as "+at+" with "+disguise)
				}
			}
		}
	}
	t.Logf("%d configs", tried)
	if tried < 600 {
		t.Errorf("only %d configs tried", tried)
	}
}

// TestCanaryBesideVariables puts a secret into every value of a config in
// which a variable moves everything, and wants no line that a snippet could
// show to hold it: tokens have their places in the file, not in what was
// parsed.
func TestCanaryBesideVariables(t *testing.T) {
	t.Parallel()
	tried := 0
	for _, template := range templates(t, everyKey) {
		for _, disguise := range disguises {
			if template.path || strings.Contains(disguise, "$") {
				continue
			}
			for _, value := range []string{"", "x", "a much longer name than before", "svc\n    x: svc", "svc\n    timeout: 1s\n  - endpoint_id: svc"} {
				source := "# $V lockstep\n" + strings.Replace(template.text, placeholder, strings.ReplaceAll(disguise, "§", canary), 1)
				source = strings.Replace(source, "svc", "${V}", 1)
				expansion, err := schemas.Expand([]byte(source), func(string) string { return value })
				if err != nil {
					t.Fatal(err)
				}
				if doc, err := schemas.ParseExpanded("f.yaml", expansion); err == nil {
					tried++
					hides(t, doc, canary, template.name+" as "+disguise+" beside "+value)
				}
			}
		}
	}
	if tried < 600 {
		t.Errorf("only %d configs tried", tried)
	}
}

// hides wants no line of a document to be shown with a secret in it.
func hides(t *testing.T, doc *schemas.Document, secret, what string) {
	t.Helper()
	for i, line := range lint.MaskedLines(doc) {
		if strings.Contains(line.Text, secret) {
			t.Errorf("%s would be shown on line %d: %s", what, i+1, line.Text)
		}
	}
}

// TestVariableWithoutPlace lints what is no text at all, with a variable in it.
func TestVariableWithoutPlace(t *testing.T) {
	t.Parallel()
	report := checkExpanded(t, lint.Input{Path: "f.yaml"}, []byte("\xff\xfexxxokm\xdc )$v\xfb\x88R\xb6'\xf2\xd2PRL\x1e\u0362\xa2\xa2\xa2\xa2\x8c\x1f))))))\x00)) )\x15))){6\xd4E\u01ee\xf0c\x13\x90\u01b0\x8e"),
		func(string) string { return "" })
	if len(report.Findings) == 0 || report.Findings[0].Snippet.Text != "" {
		t.Errorf("%+v", report.Findings)
	}
}
