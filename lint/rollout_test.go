package lint_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

// rolloutPolicy is by what the cases of rollout files are judged.
const rolloutPolicy = `version: 1
listeners:
  orders-api: {auth: apollo, app: Orders}
  open: {auth: none}
environments:
  pro-apollo: {tier: production, apollo: {admin: http://apollo.internal:8090}}
  pro-logged: {tier: production, apollo: {admin: http://apollo.internal:8090}}
  pro-eu: {tier: production}
mappings:
  config-service: {preset: apollo, environment: pro-logged, timezone: Asia/Shanghai}
  other: {preset: apollo, environment: pro-eu}
  access: {preset: nginx, environment: pro-apollo}
`

// rolloutJournal is beside the rollout files of the cases: k1 of the app
// orders has been observed and is disabled again, that of billing enforces,
// that of watched is observed, that of new has never been further than
// disabled, and that of gone was taken out.
func rolloutJournal() []schemas.JournalEntry {
	to := func(name string, mode schemas.Mode) schemas.Change {
		return schemas.Change{Subject: name, After: &schemas.RolloutSubject{Mode: mode}}
	}
	return []schemas.JournalEntry{
		{Seq: 1, Hash: "sha256:" + strings.Repeat("1", 64), Changes: []schemas.Change{
			to("key/orders/k1", schemas.ModeObserve), to("key/new/k1", schemas.ModeDisabled), to("key/watched/k1", schemas.ModeObserve),
		}},
		{Seq: 2, Hash: "sha256:" + strings.Repeat("2", 64), Changes: []schemas.Change{
			to("key/orders/k1", schemas.ModeDisabled), to("key/billing/k1", schemas.ModeEnforce), to("key/gone/k1", schemas.ModeEnforce),
			{Subject: "key/gone/k1"},
			{Subject: "not a subject", After: &schemas.RolloutSubject{}},
		}},
	}
}

// checkRollout lints a rollout file beside that journal.
func checkRollout(tb testing.TB, in lint.Input, source []byte) *lint.Report {
	tb.Helper()
	checker, err := lint.NewChecker()
	if err != nil {
		tb.Fatal(err)
	}
	doc, err := schemas.ParseDocument("lockstep.yaml", []byte(rolloutPolicy))
	if err != nil {
		tb.Fatal(err)
	}
	if in.Policy, err = schemas.DecodePolicy(doc); err != nil {
		tb.Fatal(err)
	}
	if in.Journal == nil {
		in.Journal = rolloutJournal()
	}
	report, err := checker.CheckSource(lint.RolloutSource(in.Path, source), in)
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

const rolloutHead = "version: 1\nenvironment: pro\ntier: production\nsubjects:\n  key/orders/k2: {mode: observe, since: 2026-11-01T00:00:00Z, secret: env:K2}\n"

// TestRolloutPast: the journal counts up to the entry that the file names.
func TestRolloutPast(t *testing.T) {
	t.Parallel()
	const jump = rolloutHead + "  key/orders/k1: {mode: enforce, since: 2026-11-01T00:00:00Z, secret: env:K1}\n"
	ref := func(seq, digit string) string {
		return jump + "journal: {seq: " + seq + ", head: sha256:" + strings.Repeat(digit, 64) + "}\n"
	}
	for name, c := range map[string]struct {
		source  string
		journal []schemas.JournalEntry
		want    bool
	}{
		"no entry named":      {jump, rolloutJournal(), true},
		"the last entry":      {ref("2", "2"), rolloutJournal(), true},
		"the one before":      {ref("1", "1"), rolloutJournal(), false}, // when it was observed
		"of another journal":  {ref("2", "1"), rolloutJournal(), false},
		"beyond the last":     {ref("3", "3"), rolloutJournal(), false},
		"no journal":          {jump, []schemas.JournalEntry{}, false},
		"none, but one named": {ref("2", "2"), []schemas.JournalEntry{}, false},
	} {
		report := checkRollout(t, lint.Input{Path: "r.yaml", Journal: c.journal}, []byte(c.source))
		if got := has(report, "K801"); got != c.want {
			t.Errorf("%s: K801 is %v, want %v: %+v", name, got, c.want, report.Findings)
		}
	}
}

// TestRolloutSeverity: what may yet be right is milder than its rule.
func TestRolloutSeverity(t *testing.T) {
	t.Parallel()
	key := func(app, id, mode string) string {
		return "  key/" + app + "/" + id + ": {mode: " + mode + ", since: 2026-11-01T00:00:00Z, secret: env:" + strings.ToUpper(app+id) + "}\n"
	}
	keys := func(n int) (text string) {
		for i := range n {
			text += key("many", "k"+string(rune('1'+i)), "observe")
		}
		return text
	}
	const head = "version: 1\nenvironment: pro\ntier: production\nsubjects:\n"
	for name, c := range map[string]struct {
		source, rule string
		journal      []schemas.JournalEntry
		want         schemas.Level
	}{
		"3 keys":                      {rolloutHead + keys(3), "K807", nil, ""},
		"4 keys":                      {rolloutHead + keys(4), "K807", nil, schemas.LevelWarning},
		"5 keys":                      {rolloutHead + keys(5), "K807", nil, schemas.LevelWarning},
		"6 keys":                      {rolloutHead + keys(6), "K807", nil, schemas.LevelError},
		"disabled, was observed":      {head + key("orders", "k1", "disabled"), "K808", nil, schemas.LevelError},
		"disabled, no journal":        {head + key("orders", "k1", "disabled"), "K808", []schemas.JournalEntry{}, schemas.LevelInfo},
		"disabled, another is not":    {rolloutHead + key("orders", "k1", "disabled"), "K808", nil, ""},
		"disabled, no listener's app": {rolloutHead + key("billing", "k1", "disabled"), "K808", nil, ""},
		"gone":                        {head + key("billing", "k1", "enforce"), "K808", []schemas.JournalEntry{}, schemas.LevelError},
	} {
		report := checkRollout(t, lint.Input{Path: "r.yaml", Journal: c.journal}, []byte(c.source))
		var got schemas.Level
		for _, f := range report.Findings {
			if f.Rule == c.rule {
				got = f.Severity
			}
		}
		if got != c.want {
			t.Errorf("%s: %s is %q, want %q", name, c.rule, got, c.want)
		}
	}
}

// TestRolloutDecodes: a rollout file that run cannot read has a finding that
// says so, and one that has none can be read.
func TestRolloutDecodes(t *testing.T) {
	t.Parallel()
	tried := 0
	values := []string{"", "~", "1", "x", "[]", "{}", "k: v", "'", "observe", "env:A", "2026-01-01T00:00:00Z", "!!binary x", "*a", "99999999999999999999", "&a [*a]"}
	for _, template := range templates(t, rolloutHead+"journal: {seq: 2, head: ''}\n") {
		for _, value := range values {
			tried++
			doc, err := schemas.ParseDocument("r.yaml", []byte(strings.Replace(template.text, placeholder, value, 1)))
			if err != nil {
				continue
			}
			_, err = schemas.DecodeRollout(doc)
			report := checkRollout(t, lint.Input{Path: "r.yaml", Tier: schemas.TierProduction}, doc.Source)
			refused := len(report.Refusals()) > 0 || has(report, "K815")
			if (err != nil) != refused {
				t.Errorf("%s is %q: decoding says %v, lint found %+v", template.name, value, err, report.Findings)
			}
		}
	}
	t.Logf("%d rollout files", tried)
}

// TestCanaryInRollout puts a secret into every value of a rollout file and
// wants it in nothing that is printed.
func TestCanaryInRollout(t *testing.T) {
	t.Parallel()
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	all := append(templates(t, rolloutHead+"journal: {seq: 2, head: ''}\n"), templates(t, "unknown: x\n"+rolloutHead)...)
	all = append(all, template{text: strings.Replace(rolloutHead, "key/orders/k2", placeholder, 1), name: "a subject"})
	for _, template := range all {
		for _, disguise := range disguises {
			source := strings.Replace(template.text, placeholder, strings.ReplaceAll(disguise, "§", canary), 1)
			s := lint.RolloutSource("r.yaml", []byte(source))
			report, err := checker.CheckSource(s, lint.Input{Tier: schemas.TierProduction, Now: today})
			if err != nil {
				t.Fatal(err)
			}
			if out := printed(t, report); strings.Contains(out, canary) {
				t.Errorf("%s as %s is printed:\n%s", template.name, disguise, out)
			}
		}
	}
}

// TestRolloutSources wants rollout files found, and nothing taken for one.
func TestRolloutSources(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]schemas.Kind{
		rolloutHead:                                schemas.KindRollout,
		"environment: x\nsubjects:\n":              schemas.KindRollout,
		"environment: x\nsubjects: []\n":           "", // as in a plan
		"subjects: {}\n":                           "",
		"environment: x\n":                         "",
		"{environment: x, subjects: {":             "",
		"environment: x\nsubjects: {}\n" + minimal: schemas.KindAgent,
	} {
		for _, named := range []bool{false, true} {
			var got schemas.Kind
			for _, s := range sources(t, text, named) {
				got = s.Kind
			}
			if named && want == "" {
				want = schemas.KindAgent // whatever it holds
			}
			if got != want {
				t.Errorf("%q, named %v: %q, want %q", text, named, got, want)
			}
		}
	}
}

// TestRolloutSuppression: a comment puts up with a finding here too, but not
// with one that is locked.
func TestRolloutSuppression(t *testing.T) {
	t.Parallel()
	const comment = ` # lockstep:ignore[%] reason="r" until=2026-12-01` + "\n"
	source := rolloutHead + strings.ReplaceAll(comment, "%", "K815") + "  key/Orders/k3: {mode: observe, since: 2026-11-01T00:00:00Z, secret: env:K3}\n" +
		strings.ReplaceAll(comment, "%", "K809") + "  key/orders/k4: {mode: observe, since: 2026-11-01T00:00:00Z, secret: hunter2}\n"
	report := checkRollout(t, lint.Input{Path: "r.yaml", Now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)}, []byte(source))
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.Rule)
	}
	want := []string{"M603", "K815", "K809"}
	if diff := cmp.Diff(want, got); diff != "" || len(report.Suppressed) != 1 || report.Suppressed[0].Rule != "K815" {
		t.Errorf("findings differ (-want +got):\n%s\nsuppressed %+v", diff, report.Suppressed)
	}
}
