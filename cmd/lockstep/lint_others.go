package main

import (
	"context"

	"lockstep/lint"
	"lockstep/schemas"
)

// together judges the rollout files once more, now that all of them and the
// listeners of all configs are known: some rules hold one against the others.
// They are few and small, unlike the configs beside them.
func (l *linter) together(ctx context.Context, files []inputFile, results []result) {
	several := 0
	var reports []*lint.Report
	for _, r := range results {
		if r.volatile {
			several++
		}
		l.others = append(l.others, r.rollouts...)
		reports = append(reports, r.reports...)
		if r.err != nil {
			reports = append(reports, &lint.Report{Kind: schemas.KindAgent}) // nobody knows what is in it
		}
	}
	l.served = lint.ServedBy(reports)
	if several < 2 && l.served == nil {
		return
	}
	for i, r := range results {
		if r.volatile {
			results[i] = l.safely(ctx, files[i])
		}
	}
}
