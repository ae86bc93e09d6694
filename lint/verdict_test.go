package lint_test

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/schemas"
)

// pikoDir holds what the real agent v0.9 said about recorded configs.
var pikoDir = filepath.Join("..", "testdata", "piko")

// check lints one source as production, reading TLS files below dir.
func check(tb testing.TB, dir, path string, source []byte) *lint.Report {
	tb.Helper()
	return checkInput(tb, lint.Input{
		Path: path, Tier: schemas.TierProduction,
		ReadFile: func(name string) ([]byte, error) { return inputfile.Read(filepath.Join(dir, name)) },
	}, source)
}

// checkInput lints one source as in says.
func checkInput(tb testing.TB, in lint.Input, source []byte) *lint.Report {
	tb.Helper()
	checker, err := sharedChecker()
	if err != nil {
		tb.Fatal(err)
	}
	in.Document, in.Err = schemas.ParseDocument(in.Path, source)
	report, err := checker.Check(in)
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

// A recorded verdict of the real agent.
type recorded struct {
	File   string
	Plain  struct{ Verdict, Message string }
	Expand struct{ Verdict, Message string }
	Source []byte `json:"-"`
}

func recordings(tb testing.TB) []recorded {
	tb.Helper()
	file, err := os.Open(filepath.Join(pikoDir, "verdicts.jsonl"))
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	var all []recorded
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var r recorded
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			tb.Fatal(err)
		}
		if r.Source, err = os.ReadFile(filepath.Join(pikoDir, "cases", r.File)); err != nil {
			tb.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// TestVerdictsOfTheRealAgent is the conformance bar: no disagreement.
func TestVerdictsOfTheRealAgent(t *testing.T) {
	t.Parallel()
	all, disagreements := recordings(t), 0
	for _, r := range all {
		report := check(t, filepath.Join(pikoDir, "cases"), r.File, r.Source)
		if string(report.Piko.Verdict) != r.Plain.Verdict {
			disagreements++
			t.Errorf("%s: verdict %s (%s), the real agent says %s (%s)",
				r.File, report.Piko.Verdict, report.Piko.Message, r.Plain.Verdict, r.Plain.Message)
		}
		if got, want := has(report, "P001"), r.Plain.Verdict == "reject"; got != want {
			t.Errorf("%s: P001 reported is %v, the real agent's verdict is %s", r.File, got, r.Plain.Verdict)
		}
	}
	t.Logf("%d recorded verdicts, %d disagreements", len(all), disagreements)
	if len(all) != 116 {
		t.Errorf("%d recorded verdicts, want 116", len(all))
	}
}

func has(report *lint.Report, rule string) bool {
	for _, f := range report.Findings {
		if f.Rule == rule {
			return true
		}
	}
	return false
}

// TestReasons holds the verdict's words against the agent's, as far as both
// name the same fault, and the place of each against the text there.
func TestReasons(t *testing.T) {
	t.Parallel()
	const listener = "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]\n"
	for _, c := range []struct{ name, source, message, token string }{
		{"empty", "", "the file is empty", ""},
		{"comment", "# nothing\n", "the file is empty", ""},
		{"null", "null\n", "there are no listeners", "null"},
		{"no listeners", "{}\n", "listeners is missing", "{"},
		{"null listeners", "listeners: [~]\n", "listeners is empty", "["},
		{"syntax", "a: [\n", "not YAML: did not find expected node content", "a: ["},
		{"endpoint id", "listeners: [{endpoint_id: '', addr: '80', timeout: 1s}]", "endpoint_id is empty", "''"},
		{"addr", "listeners: [{endpoint_id: e, addr: 65535, timeout: 1s}]", "addr is not a usable address", "65535"},
		{"tcp addr", "listeners: [{endpoint_id: e, addr: 'http://h:1', timeout: 1s, protocol: tcp}]", "addr is not a usable address", "'http://h:1'"},
		{"second listener", "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}, ~, {endpoint_id: f, addr: host, timeout: 1s}]", "addr is not a usable address", "host"},
		{"timeout", "listeners: [{endpoint_id: e, addr: '80', timeout: 0s}]", "timeout is zero", "0s"},
		{"protocol", "listeners: [{endpoint_id: e, addr: '80', timeout: 1s, protocol: udp}]", "protocol is none of the allowed values", "udp"},
		{"access log", "listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: {level: loud}}]", "there is no such log level", "loud"},
		{"headers", "listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: {request_headers: {allow_list: [a], block_list: [b]}}}]", "allow_list and block_list exclude each other", "{"},
		{"connect url", listener + "connect: {url: ':80'}", "url is not a URL", "':80'"},
		{"proxy url", listener + "connect: {proxy_url: ':80'}", "proxy_url is not a URL", "':80'"},
		{"connect timeout", listener + "connect: {timeout: 0s}", "timeout is zero", "0s"},
		{"bind addr", listener + "server: {enabled: true, bind_addr: ''}", "bind_addr is empty and the server enabled", "''"},
		{"log level", listener + "log: {level: loud}", "level is none of the allowed values", "loud"},
		{"grace period", listener + "grace_period: 0s", "grace_period is zero", "0s"},
		{"cert without key", listener + "connect: {tls: {cert: c.pem}}", `cert "c.pem": missing key`, "c.pem"},
		{"no such file", listener + "connect: {tls: {root_cas: no.pem}}", `root_cas "no.pem": no such file or directory`, "no.pem"},
		{"other key", listener + "connect: {tls: {cert: c.pem, key: k2.pem}}", `key "k2.pem": tls: private key does not match public key`, "k2.pem"},
		{"merged", "listeners: [&a {endpoint_id: e, addr: '80', timeout: 0s}, {<<: *a, timeout: 1s, addr: x}]", "timeout is zero", "0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			report := check(t, filepath.Join(pikoDir, "cases"), "f.yaml", []byte(c.source))
			if report.Piko != (lint.Piko{Verdict: lint.Reject, Message: c.message}) {
				t.Errorf("verdict %+v, want reject: %s", report.Piko, c.message)
			}
			if !has(report, "P001") {
				t.Fatal("no P001")
			}
			f := report.Findings[slices.IndexFunc(report.Findings, func(f lint.Finding) bool { return f.Rule == "P001" })]
			if !strings.HasSuffix(f.Message, c.message) {
				t.Errorf("first fault is %s %q", f.Rule, f.Message)
			}
			if got := textAt([]byte(c.source), f.Span); got != c.token {
				t.Errorf("it stands at %q, want %q", got, c.token)
			}
		})
	}
}

// TestAddrHints: an addr may be refused for a reason that nobody would guess.
func TestAddrHints(t *testing.T) {
	t.Parallel()
	for listener, want := range map[string]string{
		"addr: 65535":                   "localhost:65535",
		"addr: $UPSTREAM":               "--config.expand-env",
		"addr: host, protocol: tcp":     "localhost:5432",
		"addr: host, protocol: http":    "https://host:8443",
		"addr: '80', protocol: unknown": "http, tcp",
	} {
		report := check(t, ".", "f.yaml", []byte("listeners: [{endpoint_id: e, timeout: 1s, "+listener+"}]"))
		if f := report.Findings[len(report.Findings)-1]; !strings.Contains(f.Hint, want) {
			t.Errorf("%s: hint %q, want %s in it", listener, f.Hint, want)
		}
	}
}

// TestAcceptedThoughOdd lists what the agent's own checks let pass.
func TestAcceptedThoughOdd(t *testing.T) {
	t.Parallel()
	const listener = "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]\n"
	for _, source := range []string{
		"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: {level: loud, disable: true}}]",
		"listeners: [{endpoint_id: e, addr: '80', timeout: 1s, access_log: {disable: yes, request_headers: {allow_list: [a], block_list: [b]}}}]",
		listener + "connect: {tls: {key: not-even-opened.pem}}",
		listener + "connect: {url: x, proxy_url: 'squid:3128'}",
		listener + "server: {bind_addr: ''}",
		listener + "---\n{{{",
		listener + "grace_period: ~",
		"listeners: [{endpoint_id: e, addr: 'https://h', timeout: 1s, protocol: tcp}]",
	} {
		report := check(t, filepath.Join(pikoDir, "cases"), "f.yaml", []byte(source))
		if report.Piko != (lint.Piko{Verdict: lint.Accept}) {
			t.Errorf("%s: %+v", source, report.Piko)
		}
	}
}

// TestUnread wants a verdict without files only where no file matters.
func TestUnread(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]lint.Piko{
		"{key: k.pem}":              {Verdict: lint.Accept},
		"{cert: c.pem}":             {Verdict: lint.Reject, Message: `cert "c.pem": missing key`},
		"{root_cas: c.pem}":         {Verdict: lint.Unknown, Message: `root_cas "c.pem": not looked at`},
		"{cert: c.pem, key: k.pem}": {Verdict: lint.Unknown, Message: `cert "c.pem": not looked at`},
	} {
		source := "listeners: [{endpoint_id: e, addr: 'https://h', timeout: 1s, tls: " + addr + "}]"
		report := checkInput(t, lint.Input{Path: "f.yaml", Tier: schemas.TierProduction}, []byte(source))
		if report.Piko != want {
			t.Errorf("tls %s: %+v, want %+v", addr, report.Piko, want)
		}
		if got := has(report, "P001"); got != (want.Verdict == lint.Reject) {
			t.Errorf("tls %s: P001 is %v", addr, got)
		}
	}
}

// textAt reads the text of a span that lies in one line.
func textAt(source []byte, span schemas.Span) string {
	lines := strings.Split(strings.ReplaceAll(string(source), "\r\n", "\n"), "\n")
	if span.Start.Line > len(lines) || span.Start.Line != span.End.Line {
		return "(no such line)"
	}
	line := []rune(lines[span.Start.Line-1])
	if span.Start.Column < 1 || span.End.Column < span.Start.Column || span.End.Column-1 > len(line) {
		return "(no such column)"
	}
	return string(line[span.Start.Column-1 : span.End.Column-1])
}
