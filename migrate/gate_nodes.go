package migrate

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// nodeNotes collects what is wrong with nodes. Of a thousand that have the same
// trouble one sentence tells, not a thousand.
type nodeNotes struct {
	order  []string            // of the troubles, as they first came
	alone  map[string]string   // what is said if one node has it alone, by trouble
	naming map[string][]string // the nodes, with what differs between them
}

func newNodeNotes() *nodeNotes {
	return &nodeNotes{alone: map[string]string{}, naming: map[string][]string{}}
}

// add notes a trouble of a node: how several are told of that have it, the node
// as it is named among them, and the sentence for one.
func (n *nodeNotes) add(trouble, name, alone string, args ...any) {
	if len(n.naming[trouble]) == 0 {
		n.order = append(n.order, trouble)
		n.alone[trouble] = fmt.Sprintf(alone, args...)
	}
	n.naming[trouble] = append(n.naming[trouble], name)
}

// findings are one for each trouble, of so many nodes in all.
func (n *nodeNotes) findings(total int) []finding {
	var findings []finding
	for _, trouble := range n.order {
		if names := n.naming[trouble]; len(names) > 1 {
			findings = append(findings, inconclusive("%d of %d nodes %s: %s", len(names), total, trouble, some(names)))
			continue
		}
		findings = append(findings, inconclusive("%s", n.alone[trouble]))
	}
	return findings
}

// laggingFindings hold a step until all nodes have the rollout that it is taken
// from: a node that was left behind once will be again, and would go on with
// what was. Those that say nothing of it are judged by their modes alone.
func (g *gate) laggingFindings() []finding {
	want := cmp.Or(g.in.digest, g.in.Rollout.Digest())
	behind := map[string][]string{}
	for _, n := range g.nodes {
		if n.RolloutDigest != "" && n.RolloutDigest != want {
			behind[n.RolloutDigest] = append(behind[n.RolloutDigest], printable(n.Name))
		}
	}
	var findings []finding
	for _, digest := range slices.SortedFunc(maps.Keys(behind), func(a, b string) int {
		return cmp.Or(len(behind[b])-len(behind[a]), strings.Compare(a, b))
	}) {
		findings = append(findings, wait(time.Time{}, "%s", behindText(behind[digest], len(g.nodes), digest)))
	}
	return findings
}

// behindText says which nodes have an earlier version of a rollout.
func behindText(names []string, total int, digest string) string {
	const short = 12
	version := strings.TrimPrefix(digest, "sha256:")
	return fmt.Sprintf("%d of %s still at version %s of the rollout: %s",
		len(names), plural(total, "node", "nodes"), printable(version[:min(len(version), short)]), some(names))
}

// loadedIndex finds what nodes said last of a subject, which is asked for each
// subject of each node.
func loadedIndex(nodes []Node) map[string]map[string]LoadedSubject {
	index := map[string]map[string]LoadedSubject{}
	folded := map[string]string{} // as nodes tell of the same subjects
	for _, n := range nodes {
		index[n.Name] = make(map[string]LoadedSubject, len(n.Subjects))
		for _, s := range n.Subjects {
			if folded[s.Subject] == "" {
				folded[s.Subject] = foldSubject(s.Subject)
			}
			if _, twice := index[n.Name][folded[s.Subject]]; !twice {
				index[n.Name][folded[s.Subject]] = s
			}
		}
	}
	return index
}

// loadedFindings make sure that all nodes have a subject in the mode of the
// rollout, with the same key: what a node has not loaded, it cannot have seen
// pass or fail.
func (g *gate) loadedFindings(subject string) []finding {
	notes := newNodeNotes()
	wanted, key := g.in.Rollout.Subjects[subject].Mode, g.commonKey(subject)
	for _, n := range g.nodes {
		if n.Last.IsZero() || !g.tellsModes(n) {
			continue // the former is said by signsOfLife
		}
		state, name := g.state(n, subject), printable(n.Name)
		switch {
		case state.Mode == "":
			notes.add("have not loaded "+subject, name, "node %s has not loaded %s", name, subject)
		case state.Mode != wanted:
			mode := printable(string(state.Mode))
			notes.add(fmt.Sprintf("still have %s in mode %s", subject, mode), name, "node %s still has %s in mode %s", name, subject, mode)
		case schemas.IsTLSSubject(subject): // which has no key
		case state.Fingerprint == "":
			notes.add("could not read the key of "+subject, name, "node %s could not read the key of %s", name, subject)
		case state.Fingerprint != key:
			notes.add(fmt.Sprintf("use another key for %s than most", subject), name, "node %s uses another key for %s than other nodes", name, subject)
		}
	}
	return notes.findings(len(g.nodes))
}

// state is what a node said last of a subject; zero if nothing.
func (g *gate) state(n Node, subject string) LoadedSubject {
	return g.loaded[n.Name][foldSubject(subject)]
}

// commonKey is the key of a subject that most nodes use in the mode of the
// rollout; of those that as many use, the first.
func (g *gate) commonKey(subject string) string {
	count, most := map[string]int{}, ""
	wanted := g.in.Rollout.Subjects[subject].Mode
	for _, n := range g.nodes {
		if s := g.state(n, subject); s.Mode == wanted && s.Fingerprint != "" && g.tellsModes(n) {
			count[s.Fingerprint]++
		}
	}
	for _, n := range g.nodes {
		if key := g.state(n, subject).Fingerprint; count[key] > count[most] {
			most = key
		}
	}
	return most
}
