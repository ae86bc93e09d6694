package lint_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

// dead is a listener with T203.
func dead(id string) string {
	return "  - {endpoint_id: " + id + ", addr: 'h:80', timeout: 1s, tls: {root_cas: c.pem}}\n"
}

// staging judges a file for staging, in whose TLS files nothing is wrong.
func staging(t *testing.T, path string) lint.Input {
	t.Helper()
	return lint.Input{Path: path, Tier: schemas.TierStaging, ReadFile: readCase(t)}
}

// knowing is a baseline of one finding: T203 at the endpoint orders.
func knowing(t *testing.T, path string) *lint.Baseline {
	t.Helper()
	return baselineOf(t, path, "listeners:\n"+dead("orders"))
}

func baselineOf(t *testing.T, path, source string) *lint.Baseline {
	t.Helper()
	report := checkInput(t, staging(t, path), []byte(source))
	none := lint.NewBaseline(&schemas.Baseline{})
	return lint.NewBaseline(none.With([]*lint.Report{report}))
}

// TestBaseline changes a file after its baseline was written, and wants to
// hear of what is new and what is gone.
func TestBaseline(t *testing.T) {
	t.Parallel()
	before := "listeners:\n" + dead("a") + dead("b") + dead("b") // T203 three times, A110 once
	for name, c := range map[string]struct {
		path, after string
		known       int
		want        []string
	}{
		"unchanged":              {"f.yaml", before, 4, nil},
		"another spelling":       {"./d/../f.yaml", before, 4, nil},
		"another file":           {"g.yaml", before, 0, []string{"T203 a", "T203 b", "A110 b", "T203 b"}},
		"other lines":            {"f.yaml", "# moved\n\n" + before, 4, nil},
		"a listener above":       {"f.yaml", "listeners:\n" + dead("new") + strings.TrimPrefix(before, "listeners:\n"), 4, []string{"T203 new"}},
		"one of two is gone":     {"f.yaml", "listeners:\n" + dead("a") + dead("b"), 2, []string{"M605 ", "M605 "}},
		"one more":               {"f.yaml", before + dead("b"), 4, []string{"A110 b", "T203 b"}},
		"another rule":           {"f.yaml", before + "connect: {tls: {insecure_skip_verify: true}}\n", 4, []string{"T202 "}},
		"all is gone":            {"f.yaml", "listeners: [{endpoint_id: a, addr: '80', timeout: 1s}]", 0, []string{"M605 ", "M605 "}},
		"nothing can be decoded": {"f.yaml", "listeners: 1", 0, []string{"P001 ", "P005 "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := staging(t, c.path)
			in.Baseline = baselineOf(t, "f.yaml", before)
			report := checkInput(t, in, []byte(c.after))
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Rule+" "+f.EndpointID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" || len(report.Known) != c.known {
				t.Errorf("%d are known, want %d; findings (-want +got):\n%s", len(report.Known), c.known, diff)
			}
		})
	}
}

// TestFingerprintNamesTheKey: two slips in one mapping are two findings.
func TestFingerprintNamesTheKey(t *testing.T) {
	t.Parallel()
	report := check(t, ".", "f.yaml", []byte("listeners: [{endpoint_id: a, addr: '80', timeout: 1s, a/b: 1, a~b: 2}]"))
	seen := map[string]string{}
	for _, f := range report.Findings {
		if before, twice := seen[f.Fingerprint()]; twice && f.Rule == "P002" {
			t.Errorf("%q and %q share a fingerprint", before, f.Message)
		}
		seen[f.Fingerprint()] = f.Message
	}
	if len(seen) != 3 {
		t.Errorf("%d fingerprints: %v", len(seen), seen)
	}
}

// TestBaselineUnjudged: a suppressed finding is not known but suppressed, a
// rule that is off makes no entry stale, and no baseline admits anything.
func TestBaselineUnjudged(t *testing.T) {
	t.Parallel()
	source := "listeners:\n" + dead("orders")
	marked := strings.TrimSuffix(source, "\n") + " # lockstep:ignore[T203] reason=x until=2026-12-01\n"
	in := staging(t, "f.yaml")
	in.Now, in.Baseline = today, knowing(t, "f.yaml")
	report := checkInput(t, in, []byte(marked))
	if len(report.Known) != 0 || len(report.Suppressed) != 1 || !has(report, "M605") {
		t.Errorf("suppressed: %+v", report)
	}
	_, off := policy(t, "version: 1\nrules: {T203: {staging: off}}")
	in.Now, in.Policy = time.Time{}, off
	report = checkInput(t, in, []byte(source))
	if len(report.Findings) != 0 {
		t.Errorf("off: %+v", report.Findings)
	}
	const refused = "listeners: [{endpoint_id: a, addr: 'ftp://h', timeout: 1s}]"
	in.Policy, in.Baseline = nil, baselineOf(t, "f.yaml", refused)
	report = checkInput(t, in, []byte(refused))
	if len(report.Findings) != 0 || len(report.Refusals()) != 1 {
		t.Errorf("refused: %+v", report)
	}
}

// TestBaselineWith: a run over some of the files leaves what is known of the
// others, and does not take in what is said of the baseline itself.
func TestBaselineWith(t *testing.T) {
	t.Parallel()
	base := knowing(t, "other.yaml")
	in := staging(t, "f.yaml")
	in.Baseline = knowing(t, "f.yaml")
	stale := checkInput(t, in, []byte("listeners:\n"+dead("new")))
	if !has(stale, "M605") {
		t.Fatalf("findings %+v", stale.Findings)
	}
	doc := base.With([]*lint.Report{stale})
	var got []string
	for _, e := range doc.Findings {
		got = append(got, e.Path+" "+e.Rule)
	}
	if diff := cmp.Diff([]string{"f.yaml T203", "other.yaml T203"}, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	stale.Accept()
	if s := lint.Summarize([]*lint.Report{stale}); s.Known != 1 || s.Worst() != schemas.LevelOff {
		t.Errorf("summary %+v", s)
	}
}
