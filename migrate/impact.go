package migrate

import (
	"maps"
	"math"
	"slices"
	"time"

	"lockstep/schemas"
)

// impactSpans are the spans that an impact is stated for: until somebody
// notices and steps back, one day, and as far as the risk looks ahead.
func impactSpans() [3]time.Duration { return [3]time.Duration{time.Hour, days, harmDays * days} }

// impact is what enforcing an app now is expected to refuse. A client that
// fails goes on as it did: with s failures in n requests the share that fails
// is f ~ Beta(s+½, n−s+½), so of m more requests m·E(f) are refused, and any is
// with the chance E(1−e^(−m·f)). One that has passed since is wrong still with the chance that the risk gives it. Clients that have not come, or
// that nobody knows, count as in the risk, once they come. A client that never
// failed counts for nothing: half a failure each, as the prior has it, would
// outweigh all that is known. It is nil where nothing was seen.
func (g *gate) impact(a *app) []schemas.Impact {
	watched := g.in.Now.Sub(a.start)
	if a.start.IsZero() || watched <= 0 {
		return nil
	}
	watched = max(watched, time.Hour) // a burst of a moment is no rate
	o := g.outlook(a)
	early := len(g.windowFindings(a.start)) > 0
	var all []schemas.Impact
	for _, span := range impactSpans() {
		requests, clients := o.absent(span, early)
		for _, who := range slices.SortedFunc(maps.Keys(a.clients), clientKey.compare) {
			c := a.clients[who]
			if chance := g.stillWrong(a, who, c); chance > 0 {
				more := float64(c.ok+c.fail) * span.Hours() / watched.Hours()
				r, once := c.refused(more)
				requests, clients = requests+chance*r, clients+chance*once
			}
		}
		all = append(all, schemas.Impact{
			Within: schemas.Duration(span), Requests: significant(requests), Clients: significant(clients),
		})
	}
	return all
}

// stillWrong is the chance that a client goes on as it failed: zero if it never
// did, or may be refused, or is a stranger that only claims to be somebody.
func (g *gate) stillWrong(a *app, who clientKey, c *client) float64 {
	switch {
	case c.fail == 0 || g.accepted(a, who, c) != nil:
		return 0
	case !a.known(who, c):
		return map[bool]float64{true: 1}[who.how == schemas.HowVerified]
	}
	if good := c.goodSinceFailure(); good >= g.limits.MinObservations {
		return 0.5 / float64(good+2)
	}
	return 1
}

// refused is how many of so many more requests are refused, and the chance
// that any is: E(1−e^(−m·f)), with the Gamma distribution of the same mean in
// the place of the Beta. That is within a few hundredths, and stays exact where
// a difference of logarithms of Gamma functions of millions would not.
func (c *client) refused(more float64) (requests, once float64) {
	failed, all := float64(c.fail)+0.5, float64(c.ok)+float64(c.fail)+1
	return more * failed / all, -math.Expm1(-failed * math.Log1p(more/all))
}

// absent is the impact on clients that have not come. One that comes each gap
// is there within a span with the chance span/gap, and then with a request
// each gap at least.
func (o *outlook) absent(span time.Duration, early bool) (requests, clients float64) {
	q := o.faulty(0)
	add := func(weight float64, gap time.Duration) {
		visits := span.Hours() / max(gap, time.Hour).Hours()
		requests, clients = requests+weight*q*visits, clients+weight*q*min(1, visits)
	}
	for i := range o.unseen {
		add(o.unseen[i].weight(o.now), o.unseen[i].gap)
	}
	if !early {
		add(unknownClients(o.once, o.twice, o.watched.Hours()/24, o.maxPeriod.Hours()/24), harmDays*days)
	}
	return requests, clients
}

// sumImpact adds up what the apps of a batch are expected to refuse.
func sumImpact(units []*unit) []schemas.Impact {
	var all []schemas.Impact
	for i, span := range impactSpans() {
		sum := schemas.Impact{Within: schemas.Duration(span)}
		for _, u := range units {
			if i < len(u.verdict.Impact) {
				sum.Requests += u.verdict.Impact[i].Requests
				sum.Clients += u.verdict.Impact[i].Clients
			}
		}
		sum.Requests, sum.Clients = significant(sum.Requests), significant(sum.Clients)
		all = append(all, sum)
	}
	return all
}
