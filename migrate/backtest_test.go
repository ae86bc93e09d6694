package migrate

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// oldLogs writes what some clients did on some days before noon, in order of
// time: most pass, some fail for a while, and the node is silent now and then.
func oldLogs(random *rand.Rand, length int) []schemas.Event {
	var events []schemas.Event
	start := noon.Add(-time.Duration(length) * days).Truncate(days)
	clients := 1 + random.IntN(5)
	brokenFrom, brokenTo := random.IntN(length), random.IntN(length)
	silent := start.Add(time.Duration(random.IntN(length*24)) * time.Hour)
	if random.IntN(2) == 0 {
		silent = time.Time{}
	}
	for at := start; at.Before(noon); at = at.Add(30 * time.Minute) {
		if !at.Before(silent) && at.Before(silent.Add(5*time.Hour)) {
			continue
		}
		events = append(events, schemas.Event{Kind: schemas.EventHeartbeat, TimeMS: at.UnixMilli(), Subjects: []schemas.SubjectState{
			{Subject: "key/a/k1", Mode: schemas.ModeObserve, Fingerprint: "f"}, {Subject: "key/a/k2", Mode: schemas.ModeObserve, Fingerprint: "g"},
		}})
		day := int(at.Sub(start) / days)
		for i := range clients {
			if at.Minute() != 0 || at.Hour()%(2*i+1) != 0 {
				continue
			}
			reason := schemas.ReasonNone
			if i == 0 && day >= brokenFrom && day < brokenTo {
				reason = schemas.ReasonSignature
			}
			events = append(events, requestEvent(fmt.Sprintf("10.0.0.%d", i), reason, at))
		}
	}
	for i := range events {
		events[i].Environment, events[i].Node, events[i].Boot, events[i].Seq = "pro-eu", "n1", "old", uint64(i)+1
	}
	return events
}

func requestEvent(client string, reason schemas.Reason, at time.Time) schemas.Event {
	key := schemas.TallyKey{Subject: "key/a/k1", Client: client, How: schemas.HowVerified, Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly)}
	if reason != schemas.ReasonNone {
		key.Subject, key.Outcome, key.Reason = "key/a", schemas.OutcomeFail, reason
	}
	var tally schemas.Tally
	tally.Add(at.UnixMilli())
	e := schemas.TallyEvent(key, tally)
	e.TimeMS = at.UnixMilli()
	return e
}

// evidenceOf folds the events before a moment.
func evidenceOf(t *testing.T, events []schemas.Event, before time.Time) *Evidence {
	t.Helper()
	var log strings.Builder
	for _, e := range events {
		if e.TimeMS >= before.UnixMilli() {
			continue
		}
		line, err := e.Line()
		if err != nil {
			t.Fatal(err)
		}
		log.Write(line)
	}
	files, err := NewFiles([]string{"-"}, strings.NewReader(log.String()))
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// What a backtest says of a day is what the gate said at the end of that day,
// when there was nothing but the logs up to then.
func TestBacktestIsWhatTheGateSaid(t *testing.T) {
	t.Parallel()
	verdicts := map[schemas.Verdict]int{}
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 7))
		b := newBake(t)
		events := oldLogs(random, 10+random.IntN(8))
		rollout := b.rollout()
		delete(rollout.Subjects, "key/b/k1")
		test := &Backtest{Rollout: rollout, Evidence: evidenceOf(t, events, noon), Horizon: 35 * days}
		judged, err := test.Run(t.Context())
		if err != nil || len(judged) < 9 {
			t.Fatalf("seed %d: %d days, error %v", seed, len(judged), err)
		}
		for name, s := range rollout.Subjects {
			s.Mode, s.Since = schemas.ModeObserve, utc(firstRequest(events))
			rollout.Subjects[name] = s
		}
		for i, end := range test.Days() {
			plan, err := NewPlan(Input{Now: end, Rollout: rollout, Evidence: evidenceOf(t, events, end)})
			if err != nil {
				t.Fatal(err)
			}
			got, want := judged[i], plan.Subjects[0]
			same := slices.Equal(got.Reasons, want.Reasons) || strings.Contains(strings.Join(want.Reasons, " "), "silent since")
			if got.Verdict != want.Verdict || !same || got.App != "a" || got.Day != end.Add(-time.Second).Format(time.DateOnly) {
				t.Errorf("seed %d: %+v, want %s %q at %s", seed, got, want.Verdict, want.Reasons, end)
			}
			verdicts[got.Verdict]++
		}
	}
	if len(verdicts) < 4 {
		t.Errorf("the verdicts are %v, want all four", verdicts)
	}
}

func firstRequest(events []schemas.Event) int64 {
	return events[slices.IndexFunc(events, func(e schemas.Event) bool { return e.Kind == schemas.EventTally })].TimeMS
}

// Those who failed after a day are named, but for what anybody could invent.
func TestBacktestNamesWhoFailedAfter(t *testing.T) {
	t.Parallel()
	b := newBake(t)
	events := oldLogs(rand.New(rand.NewPCG(1, 1)), 3)
	events = slices.DeleteFunc(events, func(e schemas.Event) bool { return e.Outcome == schemas.OutcomeFail })
	add := func(client string, how schemas.How, reason schemas.Reason, at time.Time) {
		e := requestEvent(client, reason, at)
		e.Environment, e.Node, e.Boot, e.Seq, e.How = "pro-eu", "n1", "new", uint64(len(events)), how
		events = append(events, e)
	}
	morning := noon.Add(-6 * time.Hour)
	add("10.0.0.9", schemas.HowVerified, schemas.ReasonMissing, morning.Add(time.Minute))
	add("10.0.0.8", schemas.HowClaimed, schemas.ReasonMissing, morning)
	add("10.0.0.7", schemas.HowClaimed, schemas.ReasonNone, noon.Add(-2*days))
	add("10.0.0.7", schemas.HowClaimed, schemas.ReasonSkew, morning)
	rollout := b.rollout()
	delete(rollout.Subjects, "key/b/k1")
	test := &Backtest{Rollout: rollout, Evidence: evidenceOf(t, events, noon), Horizon: 2 * days}
	judged, err := test.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"", "10.0.0.7 10.0.0.9", "10.0.0.7 10.0.0.9"} {
		var names []string
		for _, c := range judged[i].After {
			names = append(names, c.Client)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("after %s failed %q, want %q", judged[i].Day, got, want)
		}
	}
	judged[1].Verdict = schemas.VerdictPromote
	report := NewBacktestReport(judged, test.Horizon)
	if !report.Harmed() || report.Apps[0].Promoted != judged[1].Day || len(report.Apps[0].After) != 2 {
		t.Errorf("the report says %+v", report.Apps)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := test.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// One line with a date of its own does not make a backtest endless.
func TestBacktestIsBounded(t *testing.T) {
	t.Parallel()
	b := &Backtest{Evidence: &Evidence{Window: Window{From: utc(1), To: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}}}
	if got := len(b.Days()); got != maxBacktest {
		t.Errorf("%d days, want %d", got, maxBacktest)
	}
}
