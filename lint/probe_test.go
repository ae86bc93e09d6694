package lint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
	"lockstep/lint"
	"lockstep/schemas"
)

// probesOf are what upstreams answered to the cases and examples of a rule.
func probesOf(t *testing.T, rule string) *lint.Probes {
	t.Helper()
	if !strings.HasPrefix(rule, "N") {
		return nil
	}
	return lint.NewProbes(readProbes(t, rule))
}

func readProbes(t *testing.T, rule string) *schemas.ProbeReport {
	t.Helper()
	path := filepath.Join(casesDir, rule, "probe.json")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := schemas.ParseDocument(path, text)
	if err != nil {
		t.Fatal(err)
	}
	report, err := schemas.DecodeProbeReport(doc)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// checkProbed lints one listener by what its upstream answered.
func checkProbed(t *testing.T, now time.Time, listener string, result schemas.Probe) *lint.Report {
	t.Helper()
	probes := lint.NewProbes(&schemas.ProbeReport{Version: 1, Time: caseTime, Upstreams: []schemas.Probe{result}})
	in := lint.Input{Path: "f.yaml", Tier: schemas.TierProduction, ReadFile: readCase(t), Now: now, Probes: probes}
	return checkInput(t, in, []byte("listeners: ["+listener+"]\n"))
}

// TestProbeTargets: what is to be dialled, and by which files.
func TestProbeTargets(t *testing.T) {
	t.Parallel()
	files, err := pemFiles()
	if err != nil {
		t.Fatal(err)
	}
	roots := certs.ParseBundle(files["chain.pem"]).Digest()
	client := schemas.Digest(certs.ParseBundle(files["client.pem"]).Certificates[0].Raw)
	for listener, want := range map[string]schemas.ProbeKey{
		"{endpoint_id: a, addr: 'https://h', timeout: 1s}":                                                                {Address: "h:443", ServerName: "h", Roots: "system"},
		"{endpoint_id: a, addr: 'https://u:p@H:8443/p?q', timeout: 1s}":                                                   {Address: "H:8443", ServerName: "H", Roots: "system"},
		"{endpoint_id: a, addr: 'https://[::1]', timeout: 1s}":                                                            {Address: "[::1]:443", ServerName: "::1", Roots: "system"},
		"{endpoint_id: a, addr: 'https://h', timeout: 1s, tls: {insecure_skip_verify: on, root_cas: chain.pem}}":          {Address: "h:443", ServerName: "h", Roots: roots},
		"{endpoint_id: a, addr: 'https://h', timeout: 1s, tls: {root_cas: chain.pem, cert: client.pem, key: client.key}}": {Address: "h:443", ServerName: "h", Roots: roots, ClientCert: client},
		"{endpoint_id: a, addr: 'http://h', timeout: 1s, tls: {insecure_skip_verify: true}}":                              {Address: "h:80", ServerName: "h", Roots: "system"},
		"{endpoint_id: a, addr: 'h:1', timeout: 1s, tls: {root_cas: chain.pem}}":                                          {Address: "h:1", ServerName: "h", Roots: roots},
		"{endpoint_id: a, addr: 'h:1', timeout: 1s}":                                                                      {},
		"{endpoint_id: a, addr: 'h:1', protocol: tcp, timeout: 1s, tls: {root_cas: chain.pem}}":                           {},
		"{endpoint_id: a, addr: 'ftp://h', timeout: 1s, tls: {root_cas: chain.pem}}":                                      {},
		"{endpoint_id: a, addr: 'https://h', timeout: 1s, tls: {root_cas: missing.pem}}":                                  {},
		"{endpoint_id: a, addr: 'https://h', timeout: 1s, tls: {cert: client.pem, key: missing.key}}":                     {},
	} {
		report := checkProbed(t, caseTime, listener, schemas.Probe{})
		var got schemas.ProbeKey
		for _, target := range report.Targets {
			got = target.Key
		}
		if got != want || len(report.Targets) > 1 {
			t.Errorf("%s: %+v, want %+v", listener, report.Targets, want)
		}
	}
}

// TestProbeAge: a result counts for 30 days, and what it says of a
// certificate until that has expired.
func TestProbeAge(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	result := schemas.Probe{
		Address: "h:443", ServerName: "h", Roots: schemas.SystemRoots, Outcome: schemas.ProbePass,
		Chain: []schemas.ProbeCertificate{{Subject: "CN=h", NotBefore: caseTime.Add(-day), NotAfter: caseTime.Add(20 * day)}},
	}
	const skipping = "{endpoint_id: a, addr: 'https://h', timeout: 1s, tls: {insecure_skip_verify: true}}"
	for now, want := range map[time.Time]string{
		{}: "N701", caseTime: "N701", caseTime.Add(20 * day): "N701", caseTime.Add(20*day + time.Second): "N702",
		caseTime.Add(30 * day): "N702", caseTime.Add(30*day + time.Second): "N706", caseTime.Add(-2 * day): "N702",
	} {
		report := checkProbed(t, now, skipping, result)
		for _, rule := range []string{"N701", "N702", "N706"} {
			if has(report, rule) != (rule == want) {
				t.Errorf("%s: %s is %v, want only %s", now, rule, rule != want, want)
			}
		}
	}
}

// TestUnanswered: who should have answered and did not is told apart from who
// was not asked, or has nothing to say.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	const listener = "{endpoint_id: a, addr: 'https://h:80', timeout: 1s}"
	const plain = "{endpoint_id: a, addr: 'h:80', timeout: 1s, tls: {insecure_skip_verify: true}}"
	for _, c := range []struct {
		listener, resolved string
		outcome            schemas.ProbeOutcome
		reason             schemas.Reason
		want               string
	}{
		{listener, "", schemas.ProbeIncomplete, schemas.ReasonTLSUnreachable, "f.yaml:1:36: the upstream cannot be reached from here"},
		{listener, "10.0.0.1:80", schemas.ProbeIncomplete, schemas.ReasonTLSTimeout, "f.yaml:1:36: the upstream did not answer in time"},
		{listener, "", schemas.ProbeNone, schemas.ReasonProbeNotAllowed, ""},
		{listener, "10.0.0.1:80", schemas.ProbeFail, schemas.ReasonTLSName, ""},
		{plain, "", schemas.ProbeIncomplete, schemas.ReasonTLSUnreachable, "f.yaml:1:36: the upstream cannot be reached from here"},
		{plain, "10.0.0.1:80", schemas.ProbeIncomplete, schemas.ReasonTLSTimeout, ""},
	} {
		report := checkProbed(t, caseTime, c.listener, schemas.Probe{
			Address: "h:80", ServerName: "h", Roots: schemas.SystemRoots, Resolved: c.resolved, Outcome: c.outcome, Reason: c.reason,
		})
		got := ""
		for _, fault := range report.Unanswered {
			got += fault.Error()
		}
		if got != c.want {
			t.Errorf("%s %s: %q, want %q", c.outcome, c.reason, got, c.want)
		}
	}
}

// TestNotProbedUnasked: without results nothing is said of any upstream, and
// nothing is there to be dialled.
func TestNotProbedUnasked(t *testing.T) {
	t.Parallel()
	report := checkInput(t, lint.Input{Path: "f.yaml", Tier: schemas.TierProduction}, []byte(skipping))
	for _, f := range report.Findings {
		if strings.HasPrefix(f.Rule, "N") {
			t.Errorf("%s: %s", f.Rule, f.Message)
		}
	}
	if len(report.Targets) > 0 {
		t.Errorf("targets %+v", report.Targets)
	}
}

// TestEveryTLSReason: each way in which a handshake fails has words of its
// own, by one rule alone, and none quotes the host.
func TestEveryTLSReason(t *testing.T) {
	t.Parallel()
	seen := map[string]schemas.Reason{}
	for _, reason := range schemas.TLSReasons() {
		outcome := schemas.ProbeFail
		if reason == schemas.ReasonTLSUnreachable || reason == schemas.ReasonTLSTimeout {
			outcome = schemas.ProbeIncomplete
		}
		report := checkProbed(t, caseTime, "{endpoint_id: a, addr: 'https://"+canary+".internal', timeout: 1s}", schemas.Probe{
			Address: canary + ".internal:443", ServerName: canary + ".internal", Roots: schemas.SystemRoots, Outcome: outcome, Reason: reason,
		})
		var said []string
		for _, f := range report.Findings {
			if strings.HasPrefix(f.Rule, "N") {
				said = append(said, f.Message+f.Hint)
			}
		}
		if len(said) != 1 || seen[said[0]] != "" || strings.Contains(said[0], canary) {
			t.Errorf("%s: %q", reason, said)
			continue
		}
		seen[said[0]] = reason
	}
}
