package runtime

import (
	"context"
	"slices"
	"time"
)

// missing are inputs that cannot be read, for which the last good version
// stays: a file that is gone may come back any moment, or never.
type missing struct {
	names []string
	since time.Time
	told  int // reminders
}

// reminders is when a missing input is named again.
func reminders() []time.Duration {
	return []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute}
}

// newMissing notes what could not be read of inputs, if not all that they ask
// for is served.
func (a *applier) newMissing(in *inputs, held bool) missing {
	m := missing{since: a.server.opts.Now()}
	if !held {
		return m
	}
	for _, name := range in.names() {
		if in.files[name].err != nil {
			m.names = append(m.names, name)
		}
	}
	if slices.Equal(m.names, a.missing.names) {
		return a.missing
	}
	return m
}

// remind says again what was said when the inputs were rejected.
func (a *applier) remind(ctx context.Context) {
	m, at := &a.missing, reminders()
	age := a.server.opts.Now().Sub(m.since)
	if len(m.names) == 0 || m.told == len(at) || age < at[m.told] {
		return
	}
	m.told++
	a.server.opts.Logger.ErrorContext(ctx, "files are still missing, the last good version stays",
		"files", m.names, "since", m.since, "version", a.server.current.Load().version.Number)
}
