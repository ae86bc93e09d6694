package lint_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

var docsDir = filepath.Join("..", "docs", "rules")

// A page documents one rule. Its head, what its bad example prints and the
// first paragraph below Why are written by UPDATE=1, and so is the copy of the
// page that is embedded; the rest is by hand.
type page struct{ why, bad, good string }

// TestDocs holds each rule's page against the table of rules and lints the
// examples on it: the bad one has a finding of the rule, the good one none at
// all.
func TestDocs(t *testing.T) {
	t.Parallel()
	for _, rule := range lint.Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(docsDir, rule.ID+".md")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p := readPage(t, rule, string(text))
			bad := checkExample(t, rule, p.bad)
			if !has(bad, rule.ID) {
				t.Errorf("the bad example has no finding of %s", rule.ID)
			}
			if good := checkExample(t, rule, p.good); len(good.Findings) > 0 {
				t.Errorf("the good example has findings: %v", good.Findings)
			}
			written := p.write(t, rule, bad)
			golden(t, path, text, written)
			golden(t, filepath.Join("pages", rule.ID+".md"), []byte(rule.Page()), written)
		})
	}
	for _, dir := range []string{docsDir, "pages"} {
		pages, err := filepath.Glob(filepath.Join(dir, "*.md"))
		if err != nil || len(pages) != len(lint.Rules()) {
			t.Errorf("%s: %d pages for %d rules (%v)", dir, len(pages), len(lint.Rules()), err)
		}
	}
}

// golden wants text to be want, or makes it so if UPDATE is set.
func golden(t *testing.T, path string, text, want []byte) {
	t.Helper()
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s is stale, UPDATE=1 rewrites it (-want +got):\n%s", path, diff)
	}
}

// checkExample lints an example as it stands in a deployment where every TLS
// file is there.
func checkExample(t *testing.T, rule lint.Rule, source string) *lint.Report {
	t.Helper()
	in := lint.Input{Path: "agent.yaml", Now: today, Tier: schemas.TierProduction, ReadFile: readExample(t)}
	if strings.HasPrefix(rule.ID, "K") {
		in.Path = "rollout.yaml"
	}
	if isWorkloadRule(rule.ID) {
		in.Path = "manifest.yaml"
	}
	if rule.ID == "T207" {
		in.ReadFile = readCase(t)
	}
	if rule.ID == "M605" {
		in.Baseline = knowing(t, in.Path)
	}
	setMode(&in, rule.ID)
	return checkRule(t, rule.ID, in, []byte(source))
}

// readPage takes a page apart. What is generated is left out.
func readPage(t *testing.T, rule lint.Rule, text string) page {
	t.Helper()
	_, text, _ = strings.Cut(text, "\n## Why\n")
	why, text, _ := strings.Cut(text, "\n## Bad\n")
	bad, good, ok := strings.Cut(text, "\n## Good\n")
	if !ok {
		t.Fatal("a page has the sections Why, Bad and Good, in this order")
	}
	why = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(why), rule.Doc))
	return page{why: why, bad: example(t, bad), good: example(t, good)}
}

// example is the first fenced YAML in text.
func example(t *testing.T, text string) string {
	t.Helper()
	_, text, _ = strings.Cut(text, "```yaml\n")
	source, _, ok := strings.Cut(text, "```")
	if !ok {
		t.Fatal("a section without an example")
	}
	return source
}

func (p page) write(t *testing.T, rule lint.Rule, bad *lint.Report) []byte {
	t.Helper()
	var printed, out bytes.Buffer
	if err := (lint.Text{}).Report(&printed, []*lint.Report{bad}); err != nil {
		t.Fatal(err)
	}
	admitted := map[bool]string{true: "yes, with an alarm", false: "no"}[rule.Admit]
	fmt.Fprintf(&out, "# %s %s\n\nIt means: %s.\n\n", rule.ID, rule.Slug, rule.Title)
	fmt.Fprintf(&out, "| development | staging | production | loaded by `lockstep run` |\n|---|---|---|---|\n| %s | %s | %s | %s |\n\n",
		rule.Levels[schemas.TierDevelopment], rule.Levels[schemas.TierStaging], rule.Levels[schemas.TierProduction], admitted)
	if rule.Locked {
		fmt.Fprint(&out, "In production it cannot be suppressed.\n\n")
	}
	fmt.Fprintf(&out, "## Why\n\n%s\n\n", rule.Doc)
	if p.why != "" {
		fmt.Fprintf(&out, "%s\n\n", p.why)
	}
	where := "in production"
	if strings.HasPrefix(rule.ID, "E") && !isWorkloadRule(rule.ID) {
		where += " and with --expand-env"
	}
	switch rule.ID {
	case "K801":
		where += " and with a journal in which key/orders/k1 was disabled"
	case "K803":
		where += " and with a policy that names an Apollo for the environment"
	case "K804":
		where += " and with a journal in which a hand edit set key/orders/k1 to enforce"
	case "K806":
		where += " and with a journal in which key/hasty/k1 was observed for three days"
	case "K808":
		where += " and with a journal in which key/orders/k1 was observed"
	case "K810":
		where += " and beside fat.yaml, which is staging, where the app billing is observed"
	case "K817":
		where += " and with a policy that names an Apollo for the environment and a mapping of its log"
	case "K818":
		where += " and beside a config whose listeners are orders-api, with an addr of https, and open"
	case "K814":
		where += " and beside pro-us.yaml, which is production too, where the app orders is enforced"
	}
	fmt.Fprintf(&out, "## Bad\n\n```yaml\n%s```\n\nThis prints, %s:\n\n```text\n%s```\n\n## Good\n\n```yaml\n%s```\n",
		p.bad, where, printed.String(), p.good)
	return out.Bytes()
}
