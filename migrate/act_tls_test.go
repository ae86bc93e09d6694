package migrate

import (
	"strings"
	"testing"

	"lockstep/schemas"
)

const tlsRolloutText = `version: 1
environment: pro-eu
tier: production
subjects:
  key/a/k1: {mode: enforce, since: 2026-11-01T00:00:00Z, secret: file:a1.key}
  # ours
  tls/svc: {mode: observe, since: 2026-11-01T00:00:00Z} # asked for by lee
  tls/other: {mode: enforce, since: 2026-11-01T00:00:00Z}
`

// What the gate lets through of an upstream is applied and rolled back as a key
// is, and takes nothing else along.
func TestPlanApplyRollbackTLS(t *testing.T) {
	t.Parallel()
	scene := newTLSScene()
	scene.hourly(tlsAddress, 190, 0.5)
	scene.log.beat("n1", ago(8*24), schemas.SubjectState{Subject: tlsSubject, Mode: schemas.ModeObserve},
		schemas.SubjectState{Subject: "tls/other", Mode: schemas.ModeEnforce}, schemas.SubjectState{Subject: "key/a/k1", Mode: schemas.ModeEnforce, Fingerprint: "f"})
	s := newSite(t)
	writeFile(t, s.path, tlsRolloutText)
	in := Input{Now: noon, Rollout: s.rollout(), Policy: scene.in.Policy, Evidence: fold(t, "pro-eu", scene.log.lines...)}
	plan, err := NewPlan(in)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Encode(); err != nil {
		t.Fatal(err)
	}
	if len(plan.Subjects) != 1 || plan.Subjects[0].Verdict != schemas.VerdictPromote || len(plan.Batches) != 1 {
		t.Fatalf("%+v", plan.Subjects)
	}
	if _, err := Apply(t.Context(), ApplyOptions{Plan: plan, RolloutPath: s.path, Now: noon, Who: "lee"}); err != nil {
		t.Fatal(err)
	}
	enforced := s.rollout().Subjects
	if enforced[tlsSubject].Mode != schemas.ModeEnforce || !strings.Contains(s.read(), "# asked for by lee") {
		t.Errorf("after apply:\n%s", s.read())
	}
	if _, err := Rollback(t.Context(), RollbackOptions{RolloutPath: s.path, Subject: tlsSubject, Reason: "it breaks", Now: noon, Who: "lee"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]schemas.Mode{tlsSubject: schemas.ModeObserve, "tls/other": schemas.ModeEnforce, "key/a/k1": schemas.ModeEnforce} {
		if got := s.rollout().Subjects[name].Mode; got != want {
			t.Errorf("%s is at %s after the rollback, want %s", name, got, want)
		}
	}
}

// Those who look at a rollout see an upstream among its keys.
func TestViewTLS(t *testing.T) {
	t.Parallel()
	scene := newTLSScene()
	scene.hourly(tlsAddress, 190, 0.5)
	scene.shake("10.0.0.2:443", schemas.ReasonTLSExpired, 3, 2, 1)
	scene.log.beat("n1", ago(8*24), schemas.SubjectState{Subject: tlsSubject, Mode: schemas.ModeObserve})
	scene.in.Evidence = fold(t, "pro-eu", scene.log.lines...)
	plan, err := NewPlan(scene.in)
	if err != nil {
		t.Fatal(err)
	}
	view, err := NewView(scene.in, plan, History{})
	if err != nil {
		t.Fatal(err)
	}
	shown := func(name string) string {
		var text strings.Builder
		e, err := view.Explain(name)
		if err == nil {
			err = e.WriteText(&text)
		}
		if err != nil {
			t.Fatal(err)
		}
		return text.String()
	}
	var status, report, page strings.Builder
	for _, err := range []error{view.Status().WriteText(&status), view.Report().WriteText(&report), view.Report().WriteHTML(&page)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	const refused = "1 address would be refused: 10.0.0.2:443 (tls_expired 3)"
	for name, c := range map[string]struct{ text, want string }{
		"status":          {status.String(), "tls/svc  observe → enforce: blocked\n  " + refused},
		"report":          {report.String(), refused},
		"page":            {page.String(), refused},
		"explain subject": {shown(tlsSubject), "expired certificate (tls_expired): 1 client, 3 requests\n    fix: renew the certificate"},
		"explain address": {shown("10.0.0.2:443"), "10.0.0.2:443, verified, in tls/svc: would be refused, and blocks"},
	} {
		if !strings.Contains(c.text, c.want) {
			t.Errorf("%s lacks %q:\n%s", name, c.want, c.text)
		}
	}
	if len(scene.in.Evidence.Dominant) > 0 || scene.in.Evidence.Nodes[0].FailuresOnly() {
		t.Errorf("an upstream is taken for a proxy, or its failures for those of callers: %+v", scene.in.Evidence.Dominant)
	}
}
