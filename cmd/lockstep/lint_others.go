package main

import "context"

// together judges the rollout files once more where there are several, now
// that all of them are known: some rules hold one against the others. They are
// few and small, unlike the configs beside them.
func (l *linter) together(ctx context.Context, files []inputFile, results []result) {
	several := 0
	for _, r := range results {
		if r.volatile {
			several++
		}
		l.others = append(l.others, r.rollouts...)
	}
	if several < 2 {
		return
	}
	for i, r := range results {
		if r.volatile {
			results[i] = l.safely(ctx, files[i])
		}
	}
}
