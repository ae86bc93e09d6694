package schemas

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// baselineVersion is the version of the format that is written and read.
const baselineVersion = 1

// A Baseline lists findings of lint that are known, so that only others count.
// A finding that was there twice is listed twice.
type Baseline struct {
	Version  int            `yaml:"version" json:"version"`
	Findings []KnownFinding `yaml:"findings" json:"findings"`
}

// A KnownFinding is one entry of a baseline. Path and rule are for people and
// to tell whose entry it is; only the fingerprint says which finding it is.
type KnownFinding struct {
	Path        string `yaml:"path" json:"path"`
	Rule        string `yaml:"rule" json:"rule"`
	Fingerprint string `yaml:"fingerprint" json:"fingerprint"` // SHA-256, in hexadecimal digits
}

// DecodeBaseline reads a baseline.
func DecodeBaseline(doc *Document) (*Baseline, error) {
	baseline := &Baseline{}
	if _, err := decodeYAML(doc, KindBaseline, baseline); err != nil {
		return nil, err
	}
	return baseline, nil
}

// JSON returns a baseline as it is stored, in an order that depends on
// nothing but the findings themselves.
func (b *Baseline) JSON() ([]byte, error) {
	findings := slices.SortedFunc(slices.Values(b.Findings), func(a, b KnownFinding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
	})
	if findings == nil {
		findings = []KnownFinding{} // a list, also if empty
	}
	text, err := json.MarshalIndent(Baseline{Version: baselineVersion, Findings: findings}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write baseline: %w", err)
	}
	return append(text, '\n'), nil
}
