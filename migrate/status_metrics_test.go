package migrate

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// What an alert is raised on has its series also where there is nothing.
func TestStatusMetrics(t *testing.T) {
	t.Parallel()
	past, soon := noon.Add(-time.Hour), noon.Add(time.Hour)
	in := demoInput(8)
	in.Evidence.Gaps = []Gap{{Node: "n1", From: noon.Add(-3 * time.Hour), To: noon.Add(-2 * time.Hour)}}
	plan := &schemas.Plan{Environment: "eu", Tier: schemas.TierProduction, Created: noon, Subjects: []schemas.SubjectVerdict{{
		Subject: "key/demo/k1", Verdict: schemas.VerdictWait, To: schemas.ModeEnforce,
		Unseen: []schemas.UnseenClient{{Client: "a", Due: &past}, {Client: "b", Due: &soon}, {Client: "c"}},
	}}}
	var out bytes.Buffer
	if err := viewOf(t, in, plan, History{}).Status().WriteMetrics(&out); err != nil {
		t.Fatal(err)
	}
	const of = `environment="eu"`
	for _, want := range []string{
		`lockstep_migrate_clients_overdue{` + of + `,subject="key/demo/k1",tier="production"} 1`,
		`lockstep_migrate_clients_blocking{` + of + `,subject="key/demo/k1",tier="production"} 0`,
		`lockstep_migrate_evidence_gaps{` + of + `,tier="production"} 1`,
		`lockstep_migrate_state{` + of + `,state="waiting",tier="production"} 1`,
		`lockstep_migrate_subjects{` + of + `,state="blocked",tier="production"} 0`,
		`lockstep_migrate_drift{` + of + `,tier="production"} 0`,
	} {
		if !strings.Contains(out.String(), want+"\n") {
			t.Errorf("no line %s in\n%s", want, out.String())
		}
	}
}
