package lint_test

import (
	"strings"
	"testing"
	"time"

	"lockstep/lint"
	"lockstep/schemas"
)

const unverified = "listeners:\n  - {endpoint_id: svc, addr: 'https://h', timeout: 1s, tls: {insecure_skip_verify: true, root_cas: root.pem}}\n"

// TestStagedSkipVerify: how bad it is that an upstream is not verified, and
// whether that can be mended at once, depends on the rollout.
func TestStagedSkipVerify(t *testing.T) {
	t.Parallel()
	day := func(n int) time.Time { return caseTime.AddDate(0, 0, n) }
	for name, c := range map[string]struct {
		subject string
		entry   schemas.RolloutSubject
		level   schemas.Level
		message string
		safe    bool
	}{
		"of another endpoint": {"tls/other", schemas.RolloutSubject{Mode: schemas.ModeEnforce}, schemas.LevelError, "is not verified", false},
		"disabled":            {"tls/svc", schemas.RolloutSubject{Mode: schemas.ModeDisabled}, schemas.LevelError, "is not verified", false},
		"observed":            {"tls/svc", schemas.RolloutSubject{Mode: schemas.ModeObserve, Since: day(-3)}, schemas.LevelWarning, "observing tls/svc since 2026-11-18", false},
		"enforced":            {"tls/svc", schemas.RolloutSubject{Mode: schemas.ModeEnforce, Since: day(-3)}, schemas.LevelWarning, "`lockstep run` is enforcing tls/svc since 2026-11-18", true},
		"a brownout": {
			"tls/svc",
			schemas.RolloutSubject{Mode: schemas.ModeEnforce, Until: day(1), Then: schemas.ModeObserve},
			schemas.LevelWarning, "is enforcing tls/svc", false,
		},
		"a brownout that is over": {
			"tls/svc",
			schemas.RolloutSubject{Mode: schemas.ModeEnforce, Until: day(-1), Then: schemas.ModeDisabled},
			schemas.LevelError, "is not verified", false,
		},
	} {
		in := lint.Input{
			Path: "agent.yaml", Now: caseTime, Tier: schemas.TierProduction, ReadFile: readCase(t),
			Rollout: &schemas.Rollout{Tier: schemas.TierProduction, Subjects: map[string]schemas.RolloutSubject{c.subject: c.entry}},
		}
		f := finding(t, in, "T201", unverified)
		if f.Severity != c.level || !strings.HasSuffix(f.Message, c.message) && !strings.Contains(f.Message, c.message+" ") {
			t.Errorf("%s: %s %q, want %s %q", name, f.Severity, f.Message, c.level, c.message)
		}
		if used := c.level == schemas.LevelWarning; has(judged(t, in, unverified), "T205") == used {
			t.Errorf("%s: T205 says that root_cas is ignored: %v", name, used)
		}
		fixed, err := fix(t, in, []byte(unverified), false)
		if err != nil {
			t.Fatal(err)
		}
		verifies := strings.Contains(string(fixed.Source), "tls: {insecure_skip_verify: false, root_cas: root.pem}")
		if verifies != c.safe {
			t.Errorf("%s: a safe fix makes it %q", name, fixed.Source)
		}
	}
}

func TestHandshakes(t *testing.T) {
	t.Parallel()
	for want, counts := range map[string]map[schemas.Reason]uint64{
		"":                                   {schemas.ReasonTLSUnreachable: 7},
		"0 of 1 handshake would fail":        {schemas.ReasonNone: 1, schemas.ReasonTLSVersion: 3},
		"0 of 12,304 handshakes would fail":  {schemas.ReasonNone: 12304},
		"999 of 1,000 handshakes would fail": {schemas.ReasonTLSName: 900, schemas.ReasonTLSExpired: 99, schemas.ReasonNone: 1},
		"18,446,744,073,709,551,615 of 18,446,744,073,709,551,615 handshakes would fail": {schemas.ReasonTLSName: 1<<64 - 1, schemas.ReasonNone: 5},
	} {
		var h lint.Handshakes
		for reason, n := range counts {
			h.Add(reason, n)
		}
		if got := h.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	in := lint.Input{
		Path: "agent.yaml", Now: caseTime, Tier: schemas.TierProduction, ReadFile: readCase(t),
		Rollout: &schemas.Rollout{Tier: schemas.TierProduction, Subjects: map[string]schemas.RolloutSubject{
			"tls/svc": {Mode: schemas.ModeObserve, Since: caseTime.AddDate(0, 0, -3)},
		}},
		Handshakes: map[string]lint.Handshakes{"tls/svc": {All: 12304}},
	}
	const want = "observing tls/svc since 2026-11-18, 0 of 12,304 handshakes would fail"
	if f := finding(t, in, "T201", unverified); !strings.HasSuffix(f.Message, want) {
		t.Errorf("%q, want %q", f.Message, want)
	}
}

// judged is what the rules say of a config.
func judged(t *testing.T, in lint.Input, source string) *lint.Report {
	t.Helper()
	checker, err := sharedChecker()
	if err != nil {
		t.Fatal(err)
	}
	in.Document, in.Err = schemas.ParseDocument(in.Path, []byte(source))
	report, err := checker.Check(in)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// finding is the one of a rule in a config.
func finding(t *testing.T, in lint.Input, rule, source string) lint.Finding {
	t.Helper()
	report := judged(t, in, source)
	for _, f := range report.Findings {
		if f.Rule == rule {
			return f
		}
	}
	t.Fatalf("no %s in %+v", rule, report.Findings)
	return lint.Finding{}
}
