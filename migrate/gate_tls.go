package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"lockstep/schemas"
)

// The rules for the TLS of an upstream take the place of those for keys: its
// clients are the addresses that its name has, which are not many and answer
// whenever they are asked, so neither risk nor e-value has anything to reckon
// with. What matters is that all of them verify, and will go on to.
const (
	tlsWindow = 7 * days  // how long all addresses have to verify
	tlsInUse  = days      // an address that was not seen for longer has left the name
	tlsEnds   = 30 * days // what ends sooner may end before it is noticed
)

// An upstream is what was seen of one subject tls/<endpoint_id>.
type upstream struct {
	since     int64 // Unix time in milliseconds when the time that counts begins
	addresses map[string]*upstreamAddress
	chains    []ShownChain // of all times
}

// An upstreamAddress is what was seen of one address; times are Unix times in
// milliseconds, 0 if never.
type upstreamAddress struct {
	name            string
	ok, fail        uint64
	reasons         map[schemas.Reason]uint64
	firstOK, lastOK int64
	lastBad         int64 // that enforcing would have refused
	last            int64 // of any handshake
}

// addUpstreams sets up the judgement of the upstreams that observe.
func (g *gate) addUpstreams() {
	for name, state := range g.in.Rollout.Subjects {
		if !schemas.IsTLSSubject(name) || (state.Mode != schemas.ModeObserve && !state.Partial()) {
			continue
		}
		u := &upstream{since: g.app(name).since.UnixMilli(), addresses: map[string]*upstreamAddress{}}
		for _, n := range g.nodes {
			for _, c := range n.Chains {
				if c.Subject == name {
					u.chains = append(u.chains, c)
				}
			}
		}
		g.tls[name] = u
	}
}

// add implements [taker].
func (u *upstream) add(key schemas.TallyKey, tally schemas.Tally) {
	if tally.LastMS < u.since {
		return
	}
	a := u.addresses[key.Client]
	if a == nil {
		a = &upstreamAddress{name: key.Client, reasons: map[schemas.Reason]uint64{}}
		u.addresses[key.Client] = a
	}
	a.last = max(a.last, tally.LastMS)
	if key.Outcome == schemas.OutcomeOK {
		a.ok = schemas.SumCounts(a.ok, tally.Count)
		a.lastOK = max(a.lastOK, tally.LastMS)
		if first := max(tally.FirstMS, u.since); a.firstOK == 0 || first < a.firstOK {
			a.firstOK = first
		}
		return
	}
	a.fail = schemas.SumCounts(a.fail, tally.Count)
	a.reasons[key.Reason] = schemas.SumCounts(a.reasons[key.Reason], tally.Count)
	if slices.Contains(schemas.VerificationReasons(), key.Reason) {
		a.lastBad = max(a.lastBad, tally.LastMS)
	}
}

// judgeUpstream judges observe → enforce, and before that disabled → observe,
// which changes no answer and needs nodes that report alone.
func (g *gate) judgeUpstream(v *schemas.SubjectVerdict) {
	if v.To == schemas.ModeObserve {
		conclude(v, g.nodeFindings(), "all nodes report")
		return
	}
	u, a := g.tls[v.Subject], g.app(v.Subject)
	findings := append(u.addressFindings(g.in.Now, v), u.certificateFindings(g.in.Now)...)
	findings = append(findings, u.windowFindings(g.in.Now, a.start)...)
	findings = append(findings, g.nodeFindings()...)
	findings = append(findings, g.coverageFindings(later(a.since, g.in.Now.Add(-tlsWindow)))...)
	findings = append(findings, g.loadedFindings(v.Subject)...)
	findings = append(findings, g.laggingFindings()...)
	findings = append(findings, g.aheadFindings(v.Subject)...)
	conclude(v, findings, fmt.Sprintf("%s, and no certificate in use ends soon",
		plural(v.Clients, "address verifies", "addresses verify")))
}

// inUse lists the addresses that the name has, in order.
func (u *upstream) inUse(now time.Time) []*upstreamAddress {
	used := slices.DeleteFunc(slices.Collect(maps.Values(u.addresses)), func(a *upstreamAddress) bool {
		return now.Sub(utc(a.last)) > tlsInUse
	})
	return slices.SortedFunc(slices.Values(used), func(a, b *upstreamAddress) int { return cmp.Compare(a.name, b.name) })
}

// addressFindings judge the addresses that the name has, and list those that
// would be refused.
func (u *upstream) addressFindings(now time.Time, v *schemas.SubjectVerdict) []finding {
	var findings []finding
	for _, a := range u.inUse(now) {
		v.Clients++
		switch {
		case utc(a.last).Sub(now) >= clockSkew:
			findings = append(findings, inconclusive("a handshake is dated in the future, %s", minute(utc(a.last))))
		case a.name == schemas.OverflowClient:
			findings = append(findings, inconclusive("there were more addresses than a node tells apart"))
		case a.lastBad > 0 && a.lastBad >= a.lastOK:
			v.Blocking = append(v.Blocking, a.evidence())
		case a.ok == 0:
			findings = append(findings, wait(time.Time{}, "%s has never been verified: %s", printable(a.name), reasonText(a.reasons)))
		}
	}
	if v.Clients == 0 {
		return []finding{inconclusive("no handshake was seen in the last %s", roughly(tlsInUse))}
	}
	if len(v.Blocking) > 0 {
		findings = append(findings, refusedAddresses(v.Blocking))
	}
	return append(findings, u.cleanFindings(now)...)
}

func (a *upstreamAddress) evidence() schemas.ClientEvidence {
	last := utc(a.last)
	return schemas.ClientEvidence{
		Client: a.name, How: schemas.HowVerified, OK: a.ok, Fail: a.fail, Reasons: a.reasons, Last: &last,
	}
}

func refusedAddresses(addresses []schemas.ClientEvidence) finding {
	names := make([]string, len(addresses))
	for i, a := range addresses {
		names[i] = fmt.Sprintf("%s (%s)", printable(a.Client), reasonText(a.Reasons))
	}
	return finding{
		verdict: schemas.VerdictBlocked,
		reason:  fmt.Sprintf("%s be refused: %s", plural(len(names), "address would", "addresses would"), some(names)),
	}
}

// cleanFindings name the time that must pass after the last handshake that
// enforcing would have refused, also with an address that is gone.
func (u *upstream) cleanFindings(now time.Time) []finding {
	var last int64
	for _, a := range u.addresses {
		last = max(last, a.lastBad)
	}
	ready := utc(last).Add(tlsWindow)
	if last == 0 || !now.Before(ready) {
		return nil
	}
	return []finding{wait(ready, "the last handshake that would be refused was at %s, less than %s ago",
		minute(utc(last)), schemas.Duration(tlsWindow))}
}

// windowFindings make sure that addresses have been verifying for long enough,
// from the first time that one did since it is observed.
func (u *upstream) windowFindings(now, start time.Time) []finding {
	var first int64
	for _, a := range u.addresses {
		if a.firstOK > 0 && (first == 0 || a.firstOK < first) {
			first = a.firstOK
		}
	}
	if first == 0 {
		return nil // said of each address
	}
	start = later(start, utc(first))
	if now.Sub(start) >= tlsWindow {
		return nil
	}
	return []finding{wait(start.Add(tlsWindow), "verified for %s of %s", roughly(now.Sub(start)), schemas.Duration(tlsWindow))}
}
