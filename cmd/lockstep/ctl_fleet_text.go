package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"lockstep/runtime/admin"
)

// writeFleet writes for people what a fleet has apart: first in sentences,
// then node by node, those first that somebody should look at.
func writeFleet(w io.Writer, f *admin.Fleet) {
	fmt.Fprintln(w, fleetTitle(f))
	for _, line := range fleetSentences(f) {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintln(w)
	rows := [][]string{{"NODE", "ADDRESS", "ROLLOUT", "VERSION", "STATE"}}
	ordered := slices.Clone(f.Nodes)
	slices.SortStableFunc(ordered, func(a, b admin.Member) int { return cmp.Compare(memberRank(&a), memberRank(&b)) })
	for i := range ordered {
		rows = append(rows, memberRow(&ordered[i]))
	}
	writeTable(w, rows)
}

func fleetTitle(f *admin.Fleet) string {
	if f.Rollout == nil {
		return countOf(f.Summary.Nodes, "node") + ", none with a rollout"
	}
	return fmt.Sprintf("%s, rollout %s of %s", countOf(f.Summary.Nodes, "node"), rolloutName(f.Rollout), shown(f.Rollout.Environment))
}

// A namedBy lists nodes by what is to be said of them.
type namedBy map[string][]string

func (n namedBy) add(what, node string) { n[what] = append(n[what], node) }

// sentences says each with how many of all it is about; what most share comes
// first. The format has a place for both counts, the text and the names.
func (n namedBy) sentences(format string, total int) []string {
	var lines []string
	for _, what := range slices.SortedFunc(maps.Keys(n), func(a, b string) int {
		return cmp.Or(len(n[b])-len(n[a]), strings.Compare(a, b))
	}) {
		lines = append(lines, fmt.Sprintf(format, len(n[what]), total, what, few(n[what])))
	}
	return lines
}

// fleetSentences say what is wrong, and with whom.
func fleetSentences(f *admin.Fleet) []string {
	states, lagging, differing, alarmed, doubles := namedBy{}, namedBy{}, namedBy{}, namedBy{}, namedBy{}
	for i := range f.Nodes {
		m := &f.Nodes[i]
		if m.Status == nil {
			states.add("not answer", shown(m.Address))
			continue
		}
		node := shown(m.Status.Node)
		if m.Status.Failed() {
			states.add("not serve their files", node)
		}
		for _, alarm := range m.Status.Alarms {
			alarmed.add(shown(alarm), node)
		}
		if len(m.Namesakes) > 0 {
			doubles.add(node, shown(m.Address))
		}
		if m.Lagging {
			lagging.add(rolloutName(m.Status.Rollout), node)
			continue
		}
		for _, d := range m.Differs {
			differing.add(differenceText(d), node)
		}
	}
	return slices.Concat(
		states.sentences("%d of %d nodes do %s: %s", len(f.Nodes)),
		lagging.sentences("%d of %d nodes still at version %s: %s", len(f.Nodes)),
		differing.sentences("%d of %d nodes have %s: %s", len(f.Nodes)),
		doubles.sentences("%d of %d nodes call themselves %s, give each a name of its own with --node: %s", len(f.Nodes)),
		alarmed.sentences("alarm of %d of %d nodes: %s (%s)", len(f.Nodes)))
}

// memberRank puts first what needs a person.
func memberRank(m *admin.Member) int {
	switch {
	case m.Status == nil:
		return 0
	case m.Lagging, len(m.Differs) > 0:
		return 1
	case m.Status.Failed(), len(m.Namesakes) > 0, !m.Status.Ready:
		return 2
	}
	return 3
}

func memberRow(m *admin.Member) []string {
	if m.Status == nil {
		return []string{"-", shown(m.Address), "-", "-", shown(m.Unreachable)}
	}
	s := m.Status
	return []string{
		shown(s.Node), shown(m.Address), rolloutName(s.Rollout), strconv.Itoa(s.Served.Version),
		cmp.Or(strings.Join(memberStates(m), ", "), "good"),
	}
}

// memberStates are what is to be said of a node that answered, if anything.
func memberStates(m *admin.Member) []string {
	const most = 3
	var states []string
	say := func(is bool, what string) {
		if is {
			states = append(states, what)
		}
	}
	say(m.Lagging, "lagging")
	for _, d := range m.Differs[:min(len(m.Differs), most)] {
		states = append(states, differenceText(d))
	}
	say(len(m.Differs) > most, fmt.Sprintf("%d more", len(m.Differs)-most))
	say(m.Status.Failed(), "its files are not served")
	say(!m.Status.Ready, "not ready")
	say(len(m.Namesakes) > 0, "its name is another's, too")
	say(len(m.Status.Alarms) > 0, countOf(len(m.Status.Alarms), "alarm"))
	return states
}

// differenceText says what of a subject is not as it should be.
func differenceText(d admin.Difference) string {
	subject := shown(d.Subject)
	switch {
	case d.OtherKey:
		return "another key for " + subject
	case d.Mode == "":
		return fmt.Sprintf("%s not loaded", subject)
	case d.Wanted == "":
		return subject + ", which the rollout does not list"
	}
	return fmt.Sprintf("%s at %s, not %s", subject, shown(string(d.Mode)), d.Wanted)
}

// rolloutName tells rollouts apart: the journal's number, and the digest.
func rolloutName(r *admin.Rollout) string {
	switch {
	case r == nil:
		return "none"
	case r.Seq > 0:
		return fmt.Sprintf("%d (%s)", r.Seq, shown(shortDigest(r.Digest)))
	}
	return shown(shortDigest(r.Digest))
}

// few names the first few of many.
func few(names []string) string {
	const most = 5
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func countOf(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// shown is text of another process without what could move the cursor.
func shown(text string) string {
	quoted := strconv.Quote(text)
	if quoted == `"`+text+`"` {
		return text
	}
	return quoted
}
