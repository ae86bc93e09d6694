package lint_test

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

// caseTime is when the cases and examples are judged.
var caseTime = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

var casesDir = filepath.Join("..", "testdata", "lint")

// TestCases lints every case of every rule and wants exactly the findings
// that its comments announce, each at the announced text:
//
//	timeout: 10 # want P001 "10" P005 "10"
//	# want+1 P001 "|"       (for the line below)
//	# want E501 "\x24A"     (where a dollar sign would be a variable itself)
//
// A bad case has a finding of the rule it is filed under, an ok case none.
func TestCases(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(casesDir, "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		rule, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".yaml")
		t.Run(rule+"/"+name, func(t *testing.T) {
			t.Parallel()
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			report := checkCase(t, rule, path, source)
			report.Findings = slices.DeleteFunc(report.Findings, func(f lint.Finding) bool { return aside(f, rule) })
			if diff := cmp.Diff(wanted(t, source), found(report, source)); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
			switch bad := strings.HasPrefix(name, "bad_"); {
			case !bad && !strings.HasPrefix(name, "ok_"):
				t.Error("a case is called bad_… or ok_…")
			case bad != has(report, rule):
				t.Errorf("%s reported: %v", rule, !bad)
			}
		})
	}
}

// aside reports whether a finding is one about spelling, which the cases of
// other rules vary on purpose.
func aside(f lint.Finding, rule string) bool {
	return f.Rule != rule && slices.Contains([]string{"P007", "P009", "P012", "E506"}, f.Rule)
}

// TestCasesInOtherEncodings wants the same findings at the same places
// whatever the line breaks and the encoding are that the agent accepts.
func TestCasesInOtherEncodings(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob(filepath.Join(casesDir, "*", "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		rule, source := filepath.Base(filepath.Dir(path)), string(text)
		want := withoutP012(checkCase(t, rule, path, text))
		for name, other := range map[string]string{
			"CRLF":                 strings.ReplaceAll(source, "\n", "\r\n"),
			"CR":                   strings.ReplaceAll(source, "\n", "\r"),
			"byte order mark":      "\ufeff" + source,
			"UTF-16 little-endian": utf16Text(source, binary.LittleEndian),
			"UTF-16 big-endian":    utf16Text(source, binary.BigEndian),
		} {
			if strings.HasPrefix(rule, "E") && strings.HasPrefix(name, "UTF-16") {
				continue // in which the agent finds no variables
			}
			if diff := cmp.Diff(want, withoutP012(checkCase(t, rule, path, []byte(other)))); diff != "" {
				t.Errorf("%s in %s is judged differently (-UTF-8 +it):\n%s", path, name, diff)
			}
		}
	}
}

// withoutP012 leaves out what is about the encoding itself.
func withoutP012(report *lint.Report) *lint.Report {
	report.Findings = slices.DeleteFunc(report.Findings, func(f lint.Finding) bool { return f.Rule == "P012" })
	if len(report.Findings) == 0 {
		report.Findings = nil
	}
	return report
}

func utf16Text(text string, order binary.AppendByteOrder) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// checkCase lints a case as production, unless its rule is about the tier.
func checkCase(t *testing.T, rule, path string, source []byte) *lint.Report {
	t.Helper()
	in := lint.Input{Path: path, Now: today, Tier: schemas.TierProduction, ReadFile: readCase(t)}
	setMode(&in, rule)
	if rule == "M605" {
		in.Baseline = knowing(t, path)
	}
	return checkRule(t, rule, in, source)
}

// checkRule lints source as the rule wants it: those on variables with
// variables put in.
func checkRule(t *testing.T, rule string, in lint.Input, source []byte) *lint.Report {
	t.Helper()
	if strings.HasPrefix(rule, "K") {
		return checkRollout(t, in, source)
	}
	if isWorkloadRule(rule) {
		return checkManifest(t, in, source)
	}
	if strings.HasPrefix(rule, "E") {
		return checkExpanded(t, in, source, recordedEnv)
	}
	in.Probes = probesOf(t, rule)
	return checkInput(t, in, source)
}

// isWorkloadRule reports whether a rule needs a manifest around the config.
func isWorkloadRule(rule string) bool {
	return slices.Contains([]string{"E504", "H404", "H407", "H409"}, rule)
}

// statCase describes the file at path: a directory called public is open to
// all.
func statCase(path string) (fs.FileInfo, error) {
	mode := fs.FileMode(0o640)
	if strings.Contains(path, "/public/") {
		mode = 0o644
	}
	info, err := fstest.MapFS{"f": {Mode: mode}}.Stat("f")
	if err != nil {
		return nil, fmt.Errorf("describe %s: %w", path, err)
	}
	return info, nil
}

// setMode judges the cases and examples of a rule in the mode that it is about.
func setMode(in *lint.Input, rule string) {
	in.Now, in.Stat = caseTime, statCase
	switch rule {
	case "M604":
		in.Tier = ""
	case "K804", "K806":
		in.Journal = actedJournal()
	case "K810", "K814":
		in.Tier, in.Others, in.Journal = "", otherRollouts(), []schemas.JournalEntry{}
	case "K818":
		in.Served = lint.Served{"orders-api": true, "open": false}
	case "T207":
		in.Files = lint.FilesWarn
	case "T224":
		in.Files = lint.FilesSkip
	}
}

var (
	wantComment = regexp.MustCompile(`# want(\+\d+)? (.*)$`)
	wantFinding = regexp.MustCompile(`([A-Z]\d{3}) ("(?:[^"\\]|\\.)*") ?`)
)

// wanted reads the findings that source announces, as "line RULE text".
func wanted(t *testing.T, source []byte) []string {
	t.Helper()
	var all []string
	for i, line := range strings.Split(string(source), "\n") {
		m := wantComment.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		below, _ := strconv.Atoi(m[1])
		if rest := wantFinding.ReplaceAllString(m[2], ""); rest != "" {
			t.Errorf("line %d: cannot read %q", i+1, rest)
		}
		for _, f := range wantFinding.FindAllStringSubmatch(m[2], -1) {
			text, err := strconv.Unquote(f[2])
			if err != nil {
				t.Errorf("line %d: %v", i+1, err)
			}
			all = append(all, fmt.Sprintf("%d %s %s", i+1+below, f[1], text))
		}
	}
	slices.Sort(all)
	return all
}

// found lists the findings in the form of [wanted], with the text that really
// stands at each.
func found(report *lint.Report, source []byte) []string {
	var all []string
	for _, f := range report.Findings {
		all = append(all, fmt.Sprintf("%d %s %s", f.Span.Start.Line, f.Rule, textAt(source, f.Span)))
	}
	slices.Sort(all)
	return all
}
