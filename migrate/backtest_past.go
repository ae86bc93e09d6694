package migrate

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"lockstep/schemas"
)

// asOf is the evidence as it was known at the end of a day.
func asOf(all *Evidence, rollout *schemas.Rollout, end time.Time) *Evidence {
	e := *all
	e.source, e.Nodes, e.Gaps = untilDay{all.source, end.Add(-days).Format(time.DateOnly)}, nil, nil
	for _, gap := range all.Gaps {
		if gap.From.Before(end) && (gap.Lines == 0 || !gap.To.After(end)) {
			if gap.To.After(end) {
				gap.To = end
			}
			e.Gaps = append(e.Gaps, gap)
		}
	}
	e.Unknown = slices.DeleteFunc(slices.Clone(all.Unknown), func(w UnknownWindow) bool { return !w.From.Before(end) })
	for _, n := range all.Nodes {
		if n.First.IsZero() || !n.First.Before(end) {
			continue
		}
		if n.Last.After(end) {
			n.Last = lastSign(n.Name, all.Gaps, end)
		}
		n.Subjects, n.RolloutDigest, n.Twins = nil, "", nil
		for _, name := range rollout.Names() {
			n.Subjects = append(n.Subjects, LoadedSubject{SubjectState: schemas.SubjectState{
				Subject: name, Mode: schemas.ModeObserve, Fingerprint: "supposed",
			}})
		}
		e.Nodes = append(e.Nodes, n)
	}
	return &e
}

// lastSign is when a node that reported later gave its last sign of life before end.
func lastSign(node string, gaps []Gap, end time.Time) time.Time {
	for _, gap := range gaps {
		if gap.Node == node && gap.Lines == 0 && gap.From.Before(end) && gap.To.After(end) {
			return gap.From
		}
	}
	return end
}

// untilDay yields the tallies of a source up to a day, itself included.
type untilDay struct {
	tallySource

	day string
}

func (u untilDay) rows(ctx context.Context) iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		if u.tallySource == nil {
			return
		}
		for row, err := range u.tallySource.rows(ctx) {
			if (err != nil || row.Day <= u.day) && !yield(row, err) {
				return
			}
		}
	}
}

// A failedKey is a client of an app.
type failedKey struct {
	app    string
	client clientKey
}

// hindsight is what is known in the end.
type hindsight struct {
	observed map[string]int64 // the first request of each app
	passed   map[failedKey]bool
	failures map[failedKey][]int64 // two moments of each day: the first and the last
}

// learn notes who failed. Of claimed clients only those count that passed, too:
// others can be invented without end.
func (h *hindsight) learn(e *Evidence) {
	for key, tally := range e.Tallies {
		_, id := appOf(key.Subject)
		if first, seen := h.observed[id]; !seen || tally.FirstMS < first {
			h.observed[id] = tally.FirstMS
		}
		if key.Outcome == schemas.OutcomeOK {
			h.passed[failedKey{id, clientKey{key.Client, key.How}}] = true
		}
	}
	for key, tally := range e.Tallies {
		_, id := appOf(key.Subject)
		who := failedKey{id, clientKey{key.Client, key.How}}
		if key.Outcome == schemas.OutcomeFail && (key.How == schemas.HowVerified || h.passed[who]) {
			h.failures[who] = append(h.failures[who], tally.FirstMS, tally.LastMS)
		}
	}
}

// after lists the clients of an app that failed in a span of time.
func (h *hindsight) after(app string, from, to time.Time) []FailedClient {
	failed := []FailedClient{}
	for who, moments := range h.failures {
		if who.app != app {
			continue
		}
		first := int64(0)
		for _, ms := range moments {
			if ms >= from.UnixMilli() && ms < to.UnixMilli() && (first == 0 || ms < first) {
				first = ms
			}
		}
		if first > 0 {
			failed = append(failed, FailedClient{Client: who.client.name, How: who.client.how, First: utc(first)})
		}
	}
	slices.SortFunc(failed, func(a, b FailedClient) int {
		return cmp.Or(a.First.Compare(b.First), cmp.Compare(a.Client, b.Client), cmp.Compare(a.How, b.How))
	})
	return failed
}
