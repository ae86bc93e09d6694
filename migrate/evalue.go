package migrate

import (
	"maps"
	"math"
	"slices"
	"time"

	"lockstep/schemas"
)

// A bet is one alternative to the hypothesis that p0 of all trials fail: so
// small a share of p0, with so much of the stake on it.
type bet struct{ share, stake float64 }

func bets() [8]bet {
	return [8]bet{{0, 0.3}, {1. / 100, 0.1}, {1. / 30, 0.1}, {1. / 10, 0.1}, {1. / 5, 0.1}, {1. / 3, 0.1}, {1. / 2, 0.1}, {1 / 1.5, 0.1}}
}

// mostE caps what is written: beyond it nobody needs to know.
const mostE = 1e12

// eValue is the evidence against "a trial fails with probability p0 or more"
// after so many trials and failures among them: a mixture of likelihood
// ratios. If the hypothesis is true, the chance that it ever reaches 1/α is at
// most α (Ville's inequality), however often one looks.
func eValue(trials, failures int, p0 float64) float64 {
	e := 0.0
	for _, b := range bets() {
		if b.share == 0 && failures > 0 {
			continue
		}
		exponent := float64(trials-failures) * (math.Log1p(-b.share*p0) - math.Log1p(-p0))
		if failures > 0 {
			exponent += float64(failures) * math.Log(b.share)
		}
		e += b.stake * math.Exp(exponent)
	}
	return min(e, mostE)
}

// eValue walks over the days that are complete, whose client-days are the
// trials. Once all clients that failed have passed for a whole day, whatever
// it was has been fixed: what comes next is another hypothesis, epoch k, and
// gets the share α/(k(k+1)) of α. The shares sum up to α, so restarting is
// paid for. Looking at another hour of the same day changes nothing.
func (g *gate) eValue(a *app) *schemas.EValue {
	e := &schemas.EValue{Epoch: 1}
	failing := map[*client]bool{}
	clients := a.trialClients()
	today := g.in.Now.UnixMilli() / dayMS
	for _, day := range slices.Sorted(maps.Keys(a.days)) {
		if day >= today {
			break
		}
		e.Trials += a.crowd.byDay[day]
		for _, c := range clients {
			switch {
			case c.failHours[day] != 0:
				e.Trials, e.Failures, failing[c] = e.Trials+1, e.Failures+1, true
			case c.okHours[day] != 0:
				e.Trials++
				delete(failing, c)
			}
		}
		if e.Failures > 0 && len(failing) == 0 {
			e = &schemas.EValue{Epoch: e.Epoch + 1}
		}
	}
	e.Bar = significant(float64(e.Epoch*(e.Epoch+1)) / g.limits.Alpha)
	e.Value = significant(eValue(e.Trials, e.Failures, g.limits.P0))
	return e
}

// trialClients are those whose days are trials: strangers and clients that
// may be refused would let anybody spoil the count.
func (a *app) trialClients() []*client {
	var clients []*client
	for who, c := range a.clients {
		if c.seen() && a.known(who, c) && a.waiver(who.name) == nil {
			clients = append(clients, c)
		}
	}
	return clients
}

// eFindings hold the gate until the e-value is enough, where the policy wants that.
func (g *gate) eFindings(a *app, e *schemas.EValue) []finding {
	if !g.limits.RequireE || e.Value >= e.Bar {
		return nil
	}
	return []finding{wait(g.enoughAt(a, e), "the e-value is %.3g, less than %g (%s in epoch %d, %s)",
		e.Value, e.Bar, plural(e.Trials, "client-day", "client-days"), e.Epoch, plural(e.Failures, "failure", "failures"))}
}

// enoughAt is when the e-value reaches its bar if nothing fails and as many
// clients come each day as came on average; zero if that takes over a year.
func (g *gate) enoughAt(a *app, e *schemas.EValue) time.Time {
	perDay := a.crowd.days
	for _, c := range a.trialClients() {
		perDay += c.okHours.days()
	}
	pace := float64(perDay) / max(1, g.in.Now.Sub(a.start).Hours()/24)
	today := g.in.Now.UTC().Truncate(days)
	for ahead := 1; ahead <= 365; ahead++ {
		if eValue(e.Trials+int(pace*float64(ahead)), e.Failures, g.limits.P0) >= e.Bar {
			return today.AddDate(0, 0, ahead)
		}
	}
	return time.Time{}
}
