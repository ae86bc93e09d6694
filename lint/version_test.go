package lint_test

import (
	"slices"
	"testing"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestVersions: each version has its form of config, and a config for another
// one is told from one that is wrong everywhere.
func TestVersions(t *testing.T) {
	t.Parallel()
	const listener = "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]\n"
	for _, c := range []struct {
		source   string
		old, now []string // rules beside P001
	}{
		{listener, nil, nil},
		{"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, tls: {root_cas: ''}}]", nil, nil},
		{"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: true}]", nil, []string{"P010"}},
		{"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: ~, http_client: ~}]", []string{"P010"}, nil},
		{"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: {level: warn}}]", []string{"P010"}, nil},
		{"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: {lvl: warn}}]", []string{"P010"}, []string{"P002"}},
		{"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: 7}]", []string{"P005"}, []string{"P005"}},
		{"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, http_client: {}}]", []string{"P010"}, nil},
		{"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, http_client: {x: 1}}]", []string{"P010"}, []string{"P002"}},
		{listener + "connect: {tenant_id: t, proxy_url: 'http://p', url: 'http://x'}", []string{"P010", "P010"}, nil},
		{listener + "connect: {tenant: t}", []string{"P002"}, []string{"P002"}},
		{listener + "x: {access_log: true}", []string{"P002"}, []string{"P002"}},
	} {
		for _, version := range schemas.PikoVersions() {
			checker, err := lint.NewCheckerFor(version)
			if err != nil {
				t.Fatal(err)
			}
			in := lint.Input{Path: "f.yaml", Tier: schemas.TierStaging}
			in.Document, in.Err = schemas.ParseDocument(in.Path, []byte(c.source))
			report, err := checker.Check(in)
			if err != nil {
				t.Fatal(err)
			}
			want := c.now
			if version.Before08() {
				want = c.old
			}
			var rules []string
			for _, f := range report.Findings {
				if f.Rule != "P001" {
					rules = append(rules, f.Rule)
				}
			}
			if !slices.Equal(rules, want) || (report.Piko.Verdict == lint.Reject) != (len(want) > 0) {
				t.Errorf("%s for v%s: %q, %s; want %q", c.source, version, rules, report.Piko.Verdict, want)
			}
		}
	}
}
