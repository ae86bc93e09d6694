package lint_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestCatalogue: a program finds in it what the table of rules says.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := lint.WriteCatalogue(&out); err != nil {
		t.Fatal(err)
	}
	type rule struct {
		ID, Slug, Title, Doc *string
		Tags                 []string
		Levels               map[string]string
		Admit                *bool
	}
	var all struct {
		Version int
		Rules   []rule
	}
	decoder := json.NewDecoder(&out)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&all); err != nil {
		t.Fatal(err)
	}
	rules := lint.Rules()
	if all.Version != 1 || len(all.Rules) != len(rules) {
		t.Fatalf("version %d, %d rules", all.Version, len(all.Rules))
	}
	for i, r := range all.Rules {
		if *r.ID != rules[i].ID || *r.Slug != rules[i].Slug || *r.Title != rules[i].Title || *r.Doc != rules[i].Doc ||
			*r.Admit != rules[i].Admit || len(r.Levels) != len(schemas.Tiers()) || len(r.Tags) == 0 {
			t.Errorf("%s is not what the table says", *r.ID)
		}
	}
	if err := lint.WriteCatalogue(brokenWriter{}); !errors.Is(err, errBroken) {
		t.Errorf("error %v, want %v", err, errBroken)
	}
}

// TestTags: what a rule is about, in words that GitHub filters by.
func TestTags(t *testing.T) {
	t.Parallel()
	for _, r := range lint.Rules() {
		if security := strings.ContainsAny(r.ID[:1], "TSN"); security != slices.Contains(r.Tags(), "security") {
			t.Errorf("%s has the tags %v", r.ID, r.Tags())
		}
	}
}
