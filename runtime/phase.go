package runtime

import (
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A phase is a stretch of time in which no key changes its mode by itself.
type phase struct {
	until time.Time // exclusive; of the last one it counts for nothing
	apps  map[string]*appKeys
}

// phasesOf splits time where brownouts end, so that a request has to look at
// the clock and at nothing else.
func phasesOf(keys []*loadedKey) []phase {
	var ends []time.Time
	for _, k := range keys {
		if !k.state.Until.IsZero() {
			ends = append(ends, k.state.Until)
		}
	}
	slices.SortFunc(ends, time.Time.Compare)
	var phases []phase
	from := time.Time{}
	for _, end := range append(slices.CompactFunc(ends, time.Time.Equal), time.Time{}) {
		phases = append(phases, phase{until: end, apps: groupByApp(keys, from)})
		from = end
	}
	return phases
}

// inPhases returns a with the keys of the first phase, followed by the others.
func (a auth) inPhases(phases []phase) *auth {
	if len(phases) == 0 { // of a rollout that is refused
		return &a
	}
	var next *auth
	for _, p := range slices.Backward(phases) {
		one := a
		one.apps, one.until, one.next = p.apps, p.until, next
		one.share = enforcedShare(one.reachable())
		next = &one
	}
	return next
}

// at is what holds at a moment.
func (a *auth) at(now time.Time) *auth {
	for a.next != nil && !now.Before(a.until) {
		a = a.next
	}
	return a
}

// enforcedShare is the largest share of the clients that a key of apps is
// enforced for, 0 if none is.
func enforcedShare(apps map[string]*appKeys) int {
	share := 0
	for _, app := range apps {
		if app != nil {
			share = max(share, app.enforce.share)
		}
	}
	return share
}

// partial reports whether an app's keys are enforced for some of its clients.
func (a *auth) partial() bool {
	for _, app := range a.reachable() {
		if app != nil && app.enforce.share > 0 && app.enforce.share < 100 {
			return true
		}
	}
	return false
}

// shareOf is the share of the clients that an enforced key is enforced for.
func shareOf(s schemas.RolloutSubject) int {
	if s.Share > 0 {
		return s.Share
	}
	return 100
}

// spare lets a request pass after all that is refused where only a share of
// the clients is enforced, and its client is not in it. Whoever only claims to
// be somebody never is, or he could choose.
func (d *decision) spare(from client, target string) {
	_, app, _ := strings.Cut(d.subject, "/")
	if from.how == schemas.HowVerified && schemas.InShare(app, from.name, d.share) {
		return
	}
	d.mode = schemas.ModeObserve
	if forwardable(target) {
		d.status = 0
	}
}
