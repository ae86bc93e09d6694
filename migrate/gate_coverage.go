package migrate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// silence is how long a node may be silent before its evidence ends, unless a
// mapping says more: runtimes write a heartbeat each minute, also when idle.
const silence = time.Hour

// clockSkew is how far the clock of a node may be ahead of ours.
const clockSkew = time.Hour

// expectedNodes are the nodes that the policy lists, or those seen if it
// lists none. A node that the policy lists no more is retired.
func expectedNodes(listed []string, seen []Node) []Node {
	if len(listed) == 0 {
		return seen
	}
	byName := map[string]Node{}
	for _, n := range seen {
		byName[n.Name] = n
	}
	nodes := make([]Node, len(listed))
	for i, name := range listed {
		nodes[i] = byName[name]
		nodes[i].Name = name
	}
	return nodes
}

func inconclusive(format string, args ...any) finding {
	return finding{verdict: schemas.VerdictInconclusive, reason: fmt.Sprintf(format, args...)}
}

// nodeFindings judge whether the nodes that have to report are known, and do.
func (g *gate) nodeFindings() []finding {
	return slices.Concat(g.environmentFindings(), g.signsOfLife())
}

// environmentFindings catch a name that the policy spells in another way: its
// nodes would not be expected.
func (g *gate) environmentFindings() []finding {
	name, known := g.in.Rollout.Environment, g.in.Policy.Environments
	if _, ok := known[name]; ok || len(known) == 0 {
		return nil
	}
	guess := ""
	if near, ok := schemas.Nearest(name, slices.Sorted(maps.Keys(known))); ok {
		guess = fmt.Sprintf("; did you mean %s?", printable(near))
	}
	return []finding{inconclusive("the policy does not know the environment %s%s", printable(name), guess)}
}

// signsOfLife makes sure that every expected node writes events.
func (g *gate) signsOfLife() []finding {
	if len(g.nodes) == 0 {
		return []finding{inconclusive("no node has reported")}
	}
	return lifeNotes(g.in.Now, g.nodes, func(silent time.Duration) bool { return silent >= max(silence, g.in.Evidence.MaxGap) }).findings(len(g.nodes))
}

// lifeNotes are of the nodes that nobody hears of, or not as they should be.
func lifeNotes(now time.Time, nodes []Node, tooLong func(silent time.Duration) bool) *nodeNotes {
	notes := newNodeNotes()
	for _, n := range nodes {
		name, last := printable(n.Name), minute(n.Last)
		switch {
		case n.Last.IsZero():
			notes.add("have never reported", name, "node %s has never reported", name)
		case tooLong(now.Sub(n.Last)):
			notes.add("have fallen silent", name+" at "+last, "node %s has been silent since %s", name, last)
		case n.Last.Sub(now) >= clockSkew: // it would look alive for ever
			notes.add("report from the future", name+" at "+last, "node %s reports from the future, %s", name, last)
		}
	}
	return notes
}

// judgedFrom is where the time begins that must be covered without a hole: as
// long ago as the gate looks back. What was lost before is out-waited.
func (g *gate) judgedFrom(since time.Time) time.Time {
	lookBack := time.Duration(max(g.limits.MinWindow, g.limits.CleanFor))
	return later(since, g.in.Now.Add(-lookBack))
}

// coverageFindings name what is missing in the evidence from a moment on. A
// node's time begins with its first heartbeat.
func (g *gate) coverageFindings(from time.Time) []finding {
	notes := newNodeNotes()
	for _, n := range g.nodes {
		name := printable(n.Name)
		silent, lines := missing(g.gaps[n.Name], n.Name, from)
		if silent > 0 {
			hours := plural(silent, "hour", "hours")
			notes.add("were silent", name+" for "+hours, "node %s was silent for %s", name, hours)
		}
		if lines > 0 {
			notes.add("miss lines of their logs", fmt.Sprintf("%s (%d)", name, lines),
				"%s missing in the log of node %s", plural(lines, "line is", "lines are"), name)
		}
		if i := slices.IndexFunc(n.Twins, func(w Window) bool { return w.To.After(from) }); i >= 0 {
			notes.add("were several processes at a time, whose names have to differ", name, "%s", n.Twins[i].twins(name))
		}
	}
	findings := append(g.unknownFindings(from), notes.findings(len(g.nodes))...)
	if c := g.in.Evidence.Coverage; c.UnparsedShare() > g.limits.MaxUnparsed {
		findings = append(findings, inconclusive("%d of %s not understood, more than a share of %g",
			c.Unparsed, plural(c.Parsed+c.Unparsed, "line was", "lines were"), g.limits.MaxUnparsed))
	}
	if n := g.in.Evidence.Coverage.Shorter; n > 0 {
		findings = append(findings, inconclusive("%s left out, as more was read before of one that begins like it", plural(n, "file is", "files are")))
	}
	return findings
}

// unknownFindings name the sources of which windows that reach beyond a moment
// could not be read, each with its first one: they may hide any failure.
func (g *gate) unknownFindings(from time.Time) []finding {
	var findings []finding
	for _, u := range unknownBySource(g.in.Evidence.Unknown, from) {
		findings = append(findings, finding{verdict: schemas.VerdictInconclusive, reason: u.sentence()})
	}
	return findings
}

// missing sums the gaps of a node from a moment on: whole hours of silence,
// and lines. Lines that were lost partly before the moment count.
func missing(gaps []Gap, node string, from time.Time) (silentHours int, lines uint64) {
	for _, gap := range gaps {
		switch {
		case gap.Node != node || !gap.To.After(from):
		case gap.Lines > 0:
			lines = schemas.SumCounts(lines, gap.Lines)
		case gap.From.Before(from):
			silentHours += int((gap.To.Sub(from) + time.Hour - 1) / time.Hour)
		default:
			silentHours += int(gap.To.Sub(gap.From) / time.Hour)
		}
	}
	return silentHours, lines
}

// windowFindings make sure that the subject was observed long enough. The
// time runs from its last change, or from the first heartbeat if that is later.
func (g *gate) windowFindings(start time.Time) []finding {
	window := time.Duration(g.limits.MinWindow)
	if g.in.Now.Sub(start) >= window {
		return nil
	}
	return []finding{wait(start.Add(window), "observed for %s of %s", roughly(g.in.Now.Sub(start)), g.limits.MinWindow)}
}

// firstHeartbeat is the earliest of all expected nodes; a node that joined
// later does not set the clock back.
func (g *gate) firstHeartbeat() time.Time {
	var first time.Time
	for _, n := range g.nodes {
		if !n.First.IsZero() && (first.IsZero() || n.First.Before(first)) {
			first = n.First
		}
	}
	return first
}

// roughly shows a duration in days and hours, or in minutes if it is short.
func roughly(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%dm", max(d, 0)/time.Minute)
	}
	days, rest := d/(24*time.Hour), d%(24*time.Hour)
	parts := []string{}
	if days > 0 {
		parts = append(parts, fmt.Sprintf("%dd", days))
	}
	if rest >= time.Hour {
		parts = append(parts, fmt.Sprintf("%dh", rest/time.Hour))
	}
	return strings.Join(parts, " ")
}
