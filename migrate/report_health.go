package migrate

import (
	"slices"
	"time"

	"lockstep/schemas"
)

// A Health is how complete the evidence is.
type Health struct {
	Coverage    Coverage
	MaxUnparsed float64   // share of lines that the tier puts up with
	From, To    time.Time // of the nodes' hours
	Nodes       []NodeHealth
	LeftOut     int // nodes
	Verified    int // clients
	Claimed     int
	Dominant    []Dominant // that may hide others
	Exposed     Exposure   // secrets that the logs print
	Unknown     []string   // what could not be read, in sentences

	FailuresOnly bool // what passes is not in the logs
}

// A NodeHealth is the hours of one node.
type NodeHealth struct {
	Node         string
	First, Last  time.Time // heartbeat; zero if there is none
	SilentHours  int       // in all its holes
	LinesMissing uint64
	Alive        Period // zero if it never reported since From
	Holes        []Hole // in order of time
}

// A Period is a stretch of time.
type Period struct{ From, To time.Time }

// A Hole is a stretch of time in which a node was silent, or some of its lines
// are missing.
type Hole struct {
	Period
	Lines uint64 // 0: silent
}

func (v *View) health() Health {
	in := v.in
	nodes := expectedNodes(in.Policy.Environments[in.Rollout.Environment].Nodes, in.Evidence.Nodes)
	h := Health{
		Coverage: in.Evidence.Coverage, Dominant: in.Evidence.Dominant, MaxUnparsed: in.Policy.Gate(in.Rollout.Tier).MaxUnparsed,
		Exposed: in.Evidence.Exposed, FailuresOnly: in.Evidence.FailuresOnly,
		To: in.Now.UTC().Truncate(time.Hour).Add(time.Hour), LeftOut: max(0, len(nodes)-maxNodes),
	}
	h.From = h.To.Add(-maxHealth * time.Hour)
	for _, u := range unknownBySource(in.Evidence.Unknown, h.From) {
		h.Unknown = append(h.Unknown, u.sentence())
	}
	if h.LeftOut > 0 {
		nodes = slices.SortedStableFunc(slices.Values(nodes), func(a, b Node) int { return v.trouble(b) - v.trouble(a) })
	}
	for _, n := range nodes[:len(nodes)-h.LeftOut] {
		h.Nodes = append(h.Nodes, newNodeHealth(n, in.Evidence, h, in.Now))
	}
	for _, visitors := range v.apps {
		for _, visitor := range visitors {
			if visitor.how == schemas.HowVerified {
				h.Verified++
			} else {
				h.Claimed++
			}
		}
	}
	return h
}

// trouble orders nodes where not all of them can be shown: those that are
// silent come first, then those of which something is missing or that lag.
func (v *View) trouble(n Node) int {
	switch in := v.in; {
	case n.Last.IsZero() || in.Now.Sub(n.Last) >= max(silence, in.Evidence.MaxGap):
		return 2
	case len(v.gate.gaps[n.Name])+len(n.Twins) > 0, n.RolloutDigest != "" && n.RolloutDigest != in.digest:
		return 1
	}
	return 0
}

// newNodeHealth places what is missing in the hours of all. A node whose last
// heartbeat is too long ago is silent from then on.
func newNodeHealth(n Node, e *Evidence, all Health, now time.Time) NodeHealth {
	h := NodeHealth{Node: n.Name, First: n.First, Last: n.Last}
	from, to := all.From, all.To
	_, h.LinesMissing = missing(e.Gaps, n.Name, from)
	if n.Last.IsZero() {
		h.addHole(Hole{Period: Period{from, to}})
		return h
	}
	alive := Period{n.First.Truncate(time.Hour), n.Last.Truncate(time.Hour).Add(time.Hour)}
	if now.Sub(n.Last) < max(silence, e.MaxGap) {
		alive.To = to
	}
	if cut, ok := alive.within(from, to); ok {
		h.Alive = cut
	}
	for _, gap := range e.Gaps {
		hole := Period{gap.From, gap.To}
		if gap.Lines > 0 && gap.To.Sub(gap.From) < time.Hour { // between two lines of the same moment
			hole.From = gap.To.Add(-time.Hour)
		}
		if cut, ok := hole.within(from, to); ok && gap.Node == n.Name {
			h.addHole(Hole{Period: cut, Lines: gap.Lines})
		}
	}
	if cut, ok := (Period{alive.To, to}).within(from, to); ok {
		h.addHole(Hole{Period: cut})
	}
	slices.SortStableFunc(h.Holes, func(a, b Hole) int { return a.From.Compare(b.From) })
	return h
}

func (h *NodeHealth) addHole(hole Hole) {
	h.Holes = append(h.Holes, hole)
	if hole.Lines == 0 {
		h.SilentHours += int(hole.To.Sub(hole.From) / time.Hour)
	}
}

// within cuts a stretch to a window; ok is false if nothing is left of it.
func (p Period) within(from, to time.Time) (inside Period, ok bool) {
	cut := Period{later(p.From, from), p.To}
	if cut.To.After(to) {
		cut.To = to
	}
	return cut, cut.To.After(cut.From)
}
