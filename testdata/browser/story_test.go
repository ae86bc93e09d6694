package browser

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// now is when the report is made.
var now = time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)

// A story is an event log in the making: one client after the other.
type story struct {
	t     *testing.T
	log   bytes.Buffer
	seq   map[string]uint64
	start time.Time
}

// hostileNames are what somebody may call himself to break a page.
func hostileNames() []string {
	return []string{
		`<script>document.title="owned"</script>`,
		`"><img src=x onerror=alert(1)>`,
		"\u202egnp.exe\u2066",
		"مرحبا بالعالم",
		`</title></svg></style><h1>free</h1>`,
		"{{.Style}} ${7*7} &lt;b&gt;",
		strings.Repeat("long-name-", 40),
		"東京の夜間バッチ処理サーバー第七号機東京の夜間バッチ処理サーバー第七号機",
	}
}

// writeStory writes the inputs of a report into dir: 40 days, two nodes, five
// apps and all that a chart has a colour for.
func writeStory(t *testing.T, dir string) {
	t.Helper()
	s := &story{t: t, seq: map[string]uint64{}, start: now.AddDate(0, 0, -40).Truncate(time.Hour)}
	s.heartbeats("edge-1", func(time.Time) bool { return true })
	s.heartbeats("edge-2", func(at time.Time) bool { return at.Before(now.Add(-40*time.Hour)) || at.After(now.Add(-31*time.Hour)) })
	for _, app := range []string{"orders", "billing", "search", "mail"} {
		for _, client := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "web-frontend", "nightly-export", "reports"} {
			s.visits(app, client, every(24*time.Hour), nil)
		}
		s.visits(app, "weekly-sync", every(7*24*time.Hour), nil)
	}
	for i, client := range []string{"search-api", "loyalty", "returns", "stock", "q4-campaign", "audit"} {
		s.visits("orders", client, once(time.Duration(3+7*i)*24*time.Hour), nil)
	}
	s.visits("orders", "nightly-skewed", every(24*time.Hour), func(at time.Time) schemas.Reason {
		if at.After(now.AddDate(0, 0, -6)) {
			return schemas.ReasonSkew
		}
		return schemas.ReasonNone
	})
	mended := func(at time.Time) schemas.Reason {
		if at.After(now.AddDate(0, 0, -25)) && at.Before(now.AddDate(0, 0, -20)) {
			return schemas.ReasonSignature
		}
		return schemas.ReasonNone
	}
	s.visits("orders", "cart", every(12*time.Hour), mended)
	s.visits("billing", "invoices", every(12*time.Hour), mended)
	for _, name := range hostileNames() {
		s.visits("orders", name, every(50*time.Hour), func(time.Time) schemas.Reason { return schemas.ReasonMissing })
	}
	s.write(dir, "events.jsonl", s.log.String())
	s.write(dir, "rollout.yaml", rollout)
	s.write(dir, "inventory.yaml", inventory)
	s.write(dir, "k.key", "secret")
}

// every yields the moments of a job.
func every(period time.Duration) func(start time.Time) []time.Time {
	return func(start time.Time) []time.Time {
		var all []time.Time
		for at := start.Add(3 * time.Hour); at.Before(now); at = at.Add(period) {
			all = append(all, at)
		}
		return all
	}
}

// once yields one moment, so long after the start.
func once(after time.Duration) func(start time.Time) []time.Time {
	return func(start time.Time) []time.Time { return []time.Time{start.Add(after)} }
}

// visits writes the requests of a client; reason says why one fails.
func (s *story) visits(app, client string, when func(time.Time) []time.Time, reason func(time.Time) schemas.Reason) {
	s.t.Helper()
	for _, at := range when(s.start) {
		key := schemas.TallyKey{
			Environment: "pro-eu", Node: "edge-1", Subject: "key/" + app + "/k1", Client: client,
			How: schemas.HowClaimed, Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly),
		}
		if reason != nil && reason(at) != schemas.ReasonNone {
			key.Subject, key.Outcome, key.Reason = "key/"+app, schemas.OutcomeFail, reason(at)
		}
		var tally schemas.Tally
		tally.Add(at.UnixMilli())
		s.event("edge-1", at, schemas.TallyEvent(key, tally))
	}
}

func (s *story) heartbeats(node string, alive func(time.Time) bool) {
	s.t.Helper()
	states := []schemas.SubjectState{{Subject: "key/legacy/k1", Mode: schemas.ModeDisabled}, {Subject: "key/mail/k1", Mode: schemas.ModeDisabled}}
	for _, app := range []string{"orders", "billing", "search"} {
		states = append(states, schemas.SubjectState{Subject: "key/" + app + "/k1", Mode: schemas.ModeObserve, Fingerprint: "abc"})
	}
	for at := s.start; at.Before(now); at = at.Add(time.Hour) {
		if alive(at) {
			s.event(node, at, schemas.Event{Kind: schemas.EventHeartbeat, Environment: "pro-eu", Node: node, Subjects: states})
		}
	}
}

func (s *story) event(node string, at time.Time, e schemas.Event) {
	s.t.Helper()
	s.seq[node]++
	e.Boot, e.Seq, e.TimeMS = "b", s.seq[node], at.UnixMilli()
	line, err := e.Line()
	if err != nil {
		s.t.Fatal(err)
	}
	s.log.Write(line)
}

func (s *story) write(dir, name, text string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

const rollout = `version: 1
environment: pro-eu
tier: production
subjects:
  key/orders/k1: {mode: observe, since: 2026-10-12T12:00:00Z, secret: file:k.key}
  key/billing/k1: {mode: observe, since: 2026-10-12T12:00:00Z, secret: file:k.key}
  key/search/k1: {mode: observe, since: 2026-10-12T12:00:00Z, secret: file:k.key}
  key/mail/k1: {mode: enforce, since: 2026-10-01T12:00:00Z, secret: file:k.key}
  key/legacy/k1: {mode: disabled, since: 2026-09-20T12:00:00Z, secret: file:k.key}
`

const inventory = `version: 1
clients:
  - {app: orders, client: month-end, cadence: 31d, owner: finance}
  - {app: orders, client: ten-days, cadence: 10d}
  - {app: orders, client: 10.0.0.1}
  - {app: search, client: 10.0.0.1}
`
