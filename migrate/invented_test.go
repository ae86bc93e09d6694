package migrate

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// Anybody can invent clients without end. They are strangers that claim who
// they are: they hold nothing up, end nothing, and a report of them stays short.
// FULL=1 invents a million.
func TestInventedClientsFreezeNothing(t *testing.T) {
	t.Parallel()
	count := 50_000
	if os.Getenv("FULL") != "" {
		count = 1_000_000
	}
	b := newBake(t)
	b.lines.Reset()
	for at := noon.Add(-8 * days); !at.After(noon); at = at.Add(30 * time.Minute) {
		b.event("n1", schemas.Event{Kind: schemas.EventHeartbeat, TimeMS: at.UnixMilli(), Subjects: []schemas.SubjectState{
			{Subject: "key/a/k1", Mode: schemas.ModeObserve, Fingerprint: "f"},
		}})
		b.request("10.0.0.1", schemas.HowVerified, "key/a/k1", "", at)
	}
	for i := range count {
		b.request(fmt.Sprintf("bot-%d", i), schemas.HowClaimed, "key/a", schemas.ReasonMissing, noon.Add(-time.Duration(i)*time.Millisecond))
	}
	files, err := NewFiles([]string{"-"}, strings.NewReader(b.lines.String()))
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}, Memory: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	rollout := &schemas.Rollout{Version: 1, Environment: "pro-eu", Tier: schemas.TierStaging, Subjects: map[string]schemas.RolloutSubject{
		"key/a/k1": {Mode: schemas.ModeObserve, Since: noon.Add(-8 * days), Secret: "env:A"},
	}}
	began := time.Now()
	plan, err := NewPlan(Input{Now: noon, Rollout: rollout, Evidence: e})
	if err != nil {
		t.Fatal(err)
	}
	text, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("planned in %s, %d bytes", time.Since(began), len(text))
	v := plan.Subjects[0]
	if v.Verdict != schemas.VerdictPromote || v.Reasons[0] != "1 client passes, and none that is known fails" {
		t.Errorf("%s: %q, want that a step may be taken", v.Verdict, v.Reasons)
	}
	if v.StrangerCount != count || len(v.Strangers) != rollNamed+1 {
		t.Errorf("%d strangers, %d of them listed, want %d", v.StrangerCount, len(v.Strangers), count)
	}
	named := decodePlan(t, text).Subjects[0].Strangers
	rest := named[len(named)-1]
	if len(named) > 20 || rest.Client != schemas.OverflowClient || rest.Fail != uint64(count-len(named)+1) ||
		rest.Reasons[schemas.ReasonMissing] != rest.Fail || named[0].Fail != 1 {
		t.Errorf("%d strangers are named, the last one is %+v", len(named), rest)
	}
	var shown strings.Builder
	if err := WritePlan(&shown, plan, "p", "r"); err != nil || strings.Count(shown.String(), "bot-") != maxListed {
		t.Errorf("error %v, it shows:\n%.1000s", err, shown.String())
	}
	judged, err := (&Backtest{Rollout: rollout, Evidence: e, Horizon: days}).Run(t.Context())
	if err != nil || len(judged) == 0 || len(judged[0].After) > 0 {
		t.Errorf("%+v, error %v", judged, err)
	}
	poll, err := (&Watch{}).Poll(noon, b.rollout(), e)
	if err != nil || len(poll.Alerts) > 0 || poll.Passed != 1 {
		t.Errorf("%+v, error %v", poll, err)
	}
}

// Logs with anything in them, in any order and of any time, are watched and
// judged in bounded time. What they claim raises no alarm about clients.
func TestHostileLogsAreWatchedAndJudged(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		b := newBake(t)
		b.lines.Reset()
		b.lines.WriteString(hostileLog(rand.New(rand.NewPCG(seed, 99))) + "\n")
		for i := range 20 {
			b.request(fmt.Sprintf("10.0.0.%d", i), schemas.HowClaimed, "key/a", schemas.ReasonSignature, noon.Add(time.Duration(i-10)*days))
		}
		files, err := NewFiles([]string{"-"}, strings.NewReader(b.lines.String()))
		if err != nil {
			t.Fatal(err)
		}
		e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}})
		if err != nil {
			t.Fatal(err)
		}
		watch := &Watch{}
		for range 3 {
			poll, err := watch.Poll(noon.Add(time.Hour), b.rollout(), e)
			if err != nil {
				t.Fatal(err)
			}
			for _, alert := range poll.Alerts {
				if alert.Kind != AlertBlind || strings.ContainsAny(alert.Text, "\x1b\n") {
					t.Errorf("seed %d: %+v", seed, alert)
				}
			}
			e.Coverage.Parsed++ // as if more had come
		}
		judged, err := (&Backtest{Rollout: b.rollout(), Evidence: e, Horizon: 35 * days}).Run(t.Context())
		if err != nil || len(judged) == 0 {
			t.Errorf("seed %d: %d days, error %v", seed, len(judged), err)
		}
		for _, day := range judged {
			if day.Verdict == schemas.VerdictPromote && day.App == "a" && len(day.After) > 0 {
				t.Errorf("seed %d: %+v", seed, day)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}
