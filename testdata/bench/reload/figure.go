package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// figures prints what was measured and remembers what misses its limit.
type figures struct {
	out    io.Writer
	missed []error
	timed  bool // figures in ms count, too
}

func (f *figures) print(format string, args ...any) { fmt.Fprintf(f.out, format+"\n", args...) }

// atMost prints a figure beside its limit.
func (f *figures) atMost(what string, figure, limit float64) {
	f.print("%-44s %8.1f  limit %.1f", what, figure, limit)
	if figure > limit {
		f.missed = append(f.missed, fmt.Errorf("%s: %.1f, over the limit of %.1f", what, figure, limit))
	}
}

// within prints a time beside its limit. It says as much of the machine, and of
// who else uses it, as of what is measured.
func (f *figures) within(what string, figure time.Duration, limit float64) {
	if f.timed {
		f.atMost(what, ms(figure), limit)
		return
	}
	f.print("%-44s %8.1f  limit %.1f on a machine of its own", what, ms(figure), limit)
}

func (f *figures) misses() error { return errors.Join(f.missed...) }

// quantile is the smallest value that a share q of all does not exceed.
func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

// ms is d in milliseconds.
func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
