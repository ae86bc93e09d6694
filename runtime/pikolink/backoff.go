package pikolink

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff is the time between attempts: it doubles, and half of it is up to
// chance, so that a thousand listeners do not come back at the same moment.
type backoff struct {
	least, most time.Duration
	next        time.Duration
}

// wait lets time pass, unless ctx ends or word comes earlier.
func (b *backoff) wait(ctx context.Context, word <-chan struct{}) {
	b.next = min(max(b.next, b.least), b.most)
	timer := time.NewTimer(b.next/2 + rand.N(b.next/2+1)) //nolint:gosec // no secret
	b.next *= 2
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-word:
	case <-ctx.Done():
	}
}
