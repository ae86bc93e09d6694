package migrate

import (
	"context"
	"fmt"
	"time"

	"lockstep/schemas"
)

// A Backtest asks what the gate would have said on old logs, each day, and
// compares it with what happened then.
//
// It supposes that all nodes had loaded the keys whenever they reported, and
// that an app was observed from its first request in the logs on. Who can be
// expected is what the inventory says today, so one that has learned from the
// same logs knows more than anybody did then.
type Backtest struct {
	Policy    *schemas.Policy    // may be nil
	Rollout   *schemas.Rollout   // its subjects, whatever their modes
	Inventory *schemas.Inventory // may be nil
	Evidence  *Evidence

	From, To time.Time     // the days to judge; zero for all in the logs
	Horizon  time.Duration // how long after a day failures are held against its verdict
	Progress func()        // after each day; may be nil
}

// A BacktestDay is the verdict at the end of a day, UTC, on one app.
type BacktestDay struct {
	Day     string          `json:"day"`
	App     string          `json:"app"`
	Verdict schemas.Verdict `json:"verdict"`
	Reasons []string        `json:"reasons"`
	After   []FailedClient  `json:"failed_after"` // that would have been refused within the horizon
}

// A FailedClient is a client of an app that failed, although it is verified or
// has passed.
type FailedClient struct {
	Client string      `json:"client"`
	How    schemas.How `json:"how"`
	First  time.Time   `json:"first"` // failure after the day
}

// Days lists the days that will be judged: those in the logs after which there
// was one more.
func (b *Backtest) Days() []time.Time {
	window := b.Evidence.Window
	from := later(b.From, window.From).UTC().Truncate(days).Add(days)
	to := window.To
	if end := b.To.UTC().Truncate(days).Add(days); !b.To.IsZero() && end.Before(to) {
		to = end
	}
	var all []time.Time
	for day := from; !day.After(to) && len(all) < maxBacktest; day = day.Add(days) {
		all = append(all, day)
	}
	return all
}

// maxBacktest is how many days are judged at most: a single line with a wrong
// date must not make it a matter of centuries.
const maxBacktest = 3660

// Run judges each day, in order of days and apps.
func (b *Backtest) Run(ctx context.Context) ([]BacktestDay, error) {
	h := &hindsight{observed: map[string]int64{}, passed: map[failedKey]bool{}, failures: map[failedKey][]int64{}}
	h.learn(b.Evidence)
	if b.Evidence.failed != nil {
		return nil, b.Evidence.failed
	}
	var all []BacktestDay
	for _, end := range b.Days() {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("backtest: %w", err)
		}
		judged, err := b.judge(end, h)
		if err != nil {
			return nil, err
		}
		all = append(all, judged...)
		if b.Progress != nil {
			b.Progress()
		}
	}
	return all, nil
}

// judge asks the gate at the end of a day.
func (b *Backtest) judge(end time.Time, h *hindsight) ([]BacktestDay, error) {
	rollout := *b.Rollout.At(b.Evidence.Window.To)
	for name, s := range rollout.Subjects {
		_, id := appOf(name)
		first, seen := h.observed[id]
		if s.Mode, s.Since = schemas.ModeObserve, utc(first); !seen || !s.Since.Before(end) {
			s.Since = end
		}
		s.Until, s.Then, s.Share = time.Time{}, "", 0
		rollout.Subjects[name] = s
	}
	in := Input{Now: end, Policy: b.Policy, Rollout: &rollout, Inventory: b.Inventory, Evidence: asOf(b.Evidence, &rollout, end)}
	in.setDefaults()
	if _, err := in.check(); err != nil {
		return nil, err
	}
	var all []BacktestDay
	done := map[string]bool{}
	for _, v := range newGate(&in).verdicts() {
		app, id := appOf(v.Subject)
		if done[id] { // the keys of an app are judged together
			continue
		}
		done[id] = true
		all = append(all, BacktestDay{
			Day: end.Add(-days).Format(time.DateOnly), App: app, Verdict: v.Verdict, Reasons: v.Reasons,
			After: h.after(id, end, end.Add(b.Horizon)),
		})
	}
	return all, in.Evidence.failed
}
