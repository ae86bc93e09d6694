package lint_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestStuckStage: what is stuck depends on when it is judged, and nothing is
// without that.
func TestStuckStage(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		now  time.Time
		want bool
	}{
		"at no time":         {time.Time{}, false},
		"before it began":    {since.AddDate(-1, 0, 0), false},
		"on the last day":    {since.AddDate(0, 0, 60), false},
		"a second after":     {since.AddDate(0, 0, 60).Add(time.Second), true},
		"when all is bygone": {since.AddDate(500, 0, 0), true},
	} {
		report := checkRollout(t, lint.Input{Path: "r.yaml", Now: c.now}, []byte(rolloutHead))
		if got := has(report, "K812"); got != c.want {
			t.Errorf("%s: K812 is %v, want %v", name, got, c.want)
		}
	}
}

// otherRollouts are beside the rollout files of the cases. The brownout of
// paused is over in each.
func otherRollouts() []lint.RolloutFile {
	brownout := schemas.RolloutSubject{Mode: schemas.ModeEnforce, Until: caseTime.AddDate(0, 0, -1), Then: schemas.ModeObserve}
	rollout := func(path string, tier schemas.Tier, orders, billing schemas.Mode) lint.RolloutFile {
		return lint.RolloutFile{Path: path, Rollout: &schemas.Rollout{Tier: tier, Subjects: map[string]schemas.RolloutSubject{
			"key/orders/k0": {Mode: schemas.ModeDisabled}, "key/orders/k1": {Mode: orders}, "key/Billing/k1": {Mode: billing}, "key/paused/k1": brownout,
		}}}
	}
	return []lint.RolloutFile{
		rollout("pro-us.yaml", schemas.TierProduction, schemas.ModeEnforce, schemas.ModeObserve),
		rollout("fat.yaml", schemas.TierStaging, schemas.ModeEnforce, schemas.ModeObserve),
		rollout("dev.yaml", schemas.TierDevelopment, schemas.ModeObserve, schemas.ModeEnforce),
	}
}

// TestCanaryBeside puts a secret into every value of a rollout file and wants
// it in nothing that is printed of those beside it.
func TestCanaryBeside(t *testing.T) {
	t.Parallel()
	const beside = "version: 1\nenvironment: pro\ntier: production\nsubjects:\n  key/orders/k2: {mode: enforce, since: 2026-11-01T00:00:00Z, secret: env:K2}\n"
	held := 0
	for _, template := range templates(t, beside+"journal: {seq: 2, head: ''}\n") {
		for _, disguise := range disguises {
			text := strings.Replace(template.text, placeholder, strings.ReplaceAll(disguise, "§", canary), 1)
			s := lint.RolloutSource("other.yaml", []byte(text))
			file, ok := s.RolloutFile()
			if !ok {
				continue
			}
			report := checkRollout(t, lint.Input{Path: "r.yaml", Others: []lint.RolloutFile{file}}, []byte(rolloutHead))
			if has(report, "K814") {
				held++
			}
			if out := printed(t, report); strings.Contains(out, canary) {
				t.Errorf("%s as %s is printed:\n%s", template.name, disguise, out)
			}
		}
	}
	if held == 0 {
		t.Error("no file was held against another")
	}
}

// TestServed: endpoints are known only where every config can be read, and
// what the environment decides may speak TLS.
func TestServed(t *testing.T) {
	t.Parallel()
	const plain, encrypted = "{endpoint_id: a, addr: 'http://h', timeout: 1s}", "{endpoint_id: a, addr: 'https://h', timeout: 1s}"
	of := func(listeners ...string) *lint.Report {
		in := lint.Input{Path: "agent.yaml", Tier: schemas.TierStaging, Rollout: &schemas.Rollout{}}
		return checkInput(t, in, []byte("listeners: ["+strings.Join(listeners, ", ")+"]\n"))
	}
	for name, c := range map[string]struct {
		reports []*lint.Report
		want    lint.Served
	}{
		"no config":                  {[]*lint.Report{{Kind: schemas.KindRollout}}, nil},
		"plain":                      {[]*lint.Report{of(plain)}, lint.Served{"a": false}},
		"one of two is https":        {[]*lint.Report{of(plain, encrypted)}, lint.Served{"a": true}},
		"https in another config":    {[]*lint.Report{of(encrypted), of(plain, "{endpoint_id: b, addr: 80, timeout: 1s}")}, lint.Served{"a": true, "b": false}},
		"tcp passes its TLS through": {[]*lint.Report{of("{endpoint_id: a, addr: 'h:443', timeout: 1s, protocol: tcp}")}, lint.Served{"a": false}},
		"an addr of the environment": {[]*lint.Report{of("{endpoint_id: a, addr: '${ADDR}', timeout: 1s}")}, lint.Served{"a": true}},
		"an id of the environment":   {[]*lint.Report{of(plain, "{endpoint_id: '${ID}', addr: 80, timeout: 1s}")}, nil},
		"one that nobody can read":   {[]*lint.Report{of(encrypted), of("{endpoint_id: [b]}")}, nil},
	} {
		if diff := cmp.Diff(c.want, lint.ServedBy(c.reports)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
