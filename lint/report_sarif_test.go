package lint_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestSARIFSchema holds the report against the schema of the standard.
func TestSARIFSchema(t *testing.T) {
	t.Parallel()
	schema, err := os.ReadFile(filepath.Join("..", "testdata", "sarif", "sarif-schema-2.1.0.json"))
	if err != nil {
		t.Fatal(err)
	}
	validate(t, "sarif.json", schema, filepath.Join("testdata", "report.sarif"))
	var empty bytes.Buffer
	if err := (lint.SARIF{}).Report(&empty, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "empty.sarif")
	if err := os.WriteFile(path, empty.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	validate(t, "sarif.json", schema, path)
}

// A sarifLog is what the tests look at in a report.
type sarifLog struct {
	Runs []struct {
		Tool struct {
			Driver struct {
				Rules []struct{ ID string }
			}
		}
		Results []struct {
			RuleID              string
			RuleIndex           int
			PartialFingerprints map[string]string
			RelatedLocations    []struct {
				PhysicalLocation struct {
					Region struct{ StartLine int }
				}
			}
		}
	}
}

func sarif(t *testing.T, source string) (log sarifLog, fingerprints []string) {
	t.Helper()
	report := checkInput(t, lint.Input{Path: "f.yaml", Tier: schemas.TierProduction}, []byte(source))
	var out bytes.Buffer
	if err := (lint.SARIF{}).Report(&out, []*lint.Report{report}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	for _, r := range log.Runs[0].Results {
		fingerprints = append(fingerprints, r.PartialFingerprints["lockstep/v1"])
	}
	return log, fingerprints
}

// TestFingerprints: a finding keeps its name when lines and listeners are
// added above it, and no two findings share one.
func TestFingerprints(t *testing.T) {
	t.Parallel()
	const (
		head   = "listeners:\n"
		fine   = "  - {endpoint_id: fine, addr: https://h, timeout: 1s}\n"
		skip   = "  - {endpoint_id: a, addr: https://h, timeout: 1s, tls: {insecure_skip_verify: on}}\n"
		broken = "  - {endpoint_id: b, addr: https://h, timout: 1s, tmeout: 1s, x: 1, y: 2}\n"
	)
	_, before := sarif(t, head+skip+skip+broken)
	_, after := sarif(t, "# a line\n"+head+fine+skip+skip+"\n"+broken)
	if !slices.Equal(before, after) || len(before) < 5 {
		t.Errorf("fingerprints %v, then %v", before, after)
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(before)))
	if len(distinct) != len(before) {
		t.Errorf("%d fingerprints for %d findings", len(distinct), len(before))
	}
}

// TestSARIFRules: each result points at its rule, and a repeated key at the
// first one.
func TestSARIFRules(t *testing.T) {
	t.Parallel()
	log, _ := sarif(t, "log: {}\nlog: {}\n")
	related := 0
	for _, r := range log.Runs[0].Results {
		if got := log.Runs[0].Tool.Driver.Rules[r.RuleIndex].ID; got != r.RuleID {
			t.Errorf("a result of %s points at %s", r.RuleID, got)
		}
		for _, place := range r.RelatedLocations {
			if related++; place.PhysicalLocation.Region.StartLine != 1 {
				t.Errorf("related to line %d, want 1", place.PhysicalLocation.Region.StartLine)
			}
		}
	}
	if related != 1 {
		t.Errorf("%d related places, want 1", related)
	}
}
