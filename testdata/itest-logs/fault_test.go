package itest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A fault is something that keeps an engine from telling all.
type fault struct {
	engine string
	name   string
	reason string                                // is part of what lockstep says
	make   func(t testing.TB, c corpus) question // with an engine of its own
}

// faultLines are enough for each window to have a long answer.
const faultLines = 20_000

// TestFaults fails engines, and looks for what lockstep makes of it: it says
// what it does not know and why, and counts all the rest.
func TestFaults(t *testing.T) {
	c := writeCorpus(t, faultLines)
	for _, f := range slices.Concat(clickHouseFaults(), victoriaLogsFaults(), duckDBFaults()) {
		t.Run(f.engine+": "+f.name, func(t *testing.T) {
			if leftOut(f.engine) {
				t.Logf("WITHOUT=%s leaves it out", f.engine)
				return
			}
			t.Parallel()
			q := f.make(t, c)
			l := newLockstep(t)
			l.failsClosed(c, q, f.reason, l.evidence(q.dialect, q.flags...))
			l.proposesNothing(f.reason, l.plan(q.dialect, q.flags...))
		})
	}
}

// failsClosed checks that evidence has each line that was asked for but those
// in windows which it names.
func (l *lockstep) failsClosed(c corpus, q question, reason string, r report) {
	l.t.Helper()
	e := r.evidence(l.t)
	if r.status != 4 {
		l.t.Errorf("status %d", r.status)
	}
	if len(e.Coverage.Unknown) == 0 {
		l.t.Errorf("nothing is said to be unknown:\n%.2000s", r.stdout)
	}
	for _, u := range e.Coverage.Unknown {
		if !strings.Contains(u.Reason, reason) {
			l.t.Errorf("the reason is %q, want %q", u.Reason, reason)
		}
	}
	known := 0
	for _, at := range c.times {
		if q.since <= at && at < q.until && !slices.ContainsFunc(e.Coverage.Unknown, func(u unknown) bool { return u.within(at) }) {
			known++
		}
	}
	counted := e.Coverage.Ignored
	for _, client := range e.Clients {
		counted += client.OK + client.Fail
	}
	if e.Coverage.Lines != known || counted != known {
		l.t.Errorf("%d lines with %d counted, want %d: that is all but what is unknown", e.Coverage.Lines, counted, known)
	}
}

// proposesNothing checks that a plan names what could not be read, and takes no
// subject for clean: it is inconclusive, or blocked by what could be read, and
// the status is 4 as long as any is inconclusive.
func (l *lockstep) proposesNothing(reason string, plan report) {
	l.t.Helper()
	verdicts := map[string]int{}
	for _, m := range verdict.FindAllStringSubmatch(plan.stdout, -1) {
		verdicts[m[1]]++
	}
	want := 1
	if verdicts["inconclusive"] > 0 {
		want = 4
	}
	if verdicts["inconclusive"]+verdicts["blocked"] != subjects || len(verdicts) > 2 || plan.status != want {
		l.t.Errorf("status %d, want %d, and the verdicts are %v", plan.status, want, verdicts)
	}
	if !strings.Contains(plan.stdout, "could not be read") || !strings.Contains(plan.stdout, reason) {
		l.t.Errorf("the plan does not say it:\n%.2000s%s", plan.stdout, plan.stderr)
	}
}

// verdict is what a plan says of a subject.
var verdict = regexp.MustCompile(`(?m)^key/\S+  observe → enforce: (\w+)`)

// urlOf puts together the address of an engine for lockstep.
func urlOf(scheme, user, addr, rest string) string {
	if user != "" {
		user += "@"
	}
	return fmt.Sprintf("%s://%s%s%s", scheme, user, strings.TrimPrefix(addr, "http://"), rest)
}
