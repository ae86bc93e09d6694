package lint_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestRules holds the table to its form.
func TestRules(t *testing.T) {
	t.Parallel()
	id, slug := regexp.MustCompile(`^[A-Z][0-9]{3}$`), regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	ids, slugs := map[string]bool{}, map[string]bool{}
	for _, r := range lint.Rules() {
		if !id.MatchString(r.ID) || ids[r.ID] {
			t.Errorf("%s: the id is malformed or there twice", r.ID)
		}
		if !slug.MatchString(r.Slug) || slugs[r.Slug] {
			t.Errorf("%s: the slug %q is malformed or there twice", r.ID, r.Slug)
		}
		ids[r.ID], slugs[r.Slug] = true, true
		if r.Title == "" || strings.HasSuffix(r.Title, ".") || r.Doc == "" || !strings.HasSuffix(r.Doc, ".") {
			t.Errorf("%s: a title is half a sentence, a doc whole ones", r.ID)
		}
		for _, tier := range schemas.Tiers() {
			if !slices.Contains(schemas.LevelNames(), r.Levels[tier]) {
				t.Errorf("%s: no level in %s", r.ID, tier)
			}
		}
		if !r.Levels[schemas.TierProduction].AtLeast(r.Levels[schemas.TierStaging]) ||
			!r.Levels[schemas.TierStaging].AtLeast(r.Levels[schemas.TierDevelopment]) {
			t.Errorf("%s: less is demanded of a stricter tier", r.ID)
		}
		if r.Locked && r.Levels[schemas.TierProduction] != schemas.LevelError {
			t.Errorf("%s: locked, and no error in production", r.ID)
		}
		file := filepath.Join("rule_" + strings.ReplaceAll(r.Slug, "-", "_") + ".go")
		if _, err := os.Stat(file); err != nil {
			t.Errorf("%s: one rule per file: %v", r.ID, err)
		}
		for _, kind := range []string{"bad_*", "ok_*"} {
			if cases, _ := filepath.Glob(filepath.Join(casesDir, r.ID, kind+".yaml")); len(cases) == 0 {
				t.Errorf("%s: no case %s", r.ID, kind)
			}
		}
	}
	dirs, err := os.ReadDir(casesDir)
	if err != nil || len(dirs) != len(ids) {
		t.Errorf("%d directories of cases for %d rules (%v)", len(dirs), len(ids), err)
	}
}

// TestAdmission: only what the agent refuses or what serves nothing is kept
// out, and a rollout file that run cannot read.
func TestAdmission(t *testing.T) {
	t.Parallel()
	refusing := []string{"P001", "P002", "P003", "P004", "P005", "P010", "P011", "P013", "A101", "A102", "A103", "H401", "H408", "K802", "K809", "K816"}
	for _, r := range lint.Rules() {
		if r.Admit == slices.Contains(refusing, r.ID) {
			t.Errorf("%s: admit is %v", r.ID, r.Admit)
		}
	}
}

func TestRuleByID(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"T201", "t201", "insecure-skip-verify"} {
		if r, err := lint.RuleByID(name); err != nil || r.ID != "T201" {
			t.Errorf("%s: %s, %v", name, r.ID, err)
		}
	}
	for name, hint := range map[string]string{
		"T2O1":                "did you mean T201?",
		"insecure-skip-verfy": "did you mean T201, insecure-skip-verify?",
		"nothing-like-it":     "`lockstep lint rules` lists the rules",
	} {
		_, err := lint.RuleByID(name)
		if hints := schemas.Hints(err); len(hints) != 1 || hints[0] != hint {
			t.Errorf("%s: %v, hints %q, want %q", name, err, hints, hint)
		}
	}
}
