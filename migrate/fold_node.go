package migrate

import (
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// nodeFold is what was seen of one node.
type nodeFold struct {
	nodeState

	boots map[string]sequence
	dirty bool // since it was stored last
}

// nodeState is what a node said, apart from its tallies. It is stored as JSON.
type nodeState struct {
	FirstMS, LastMS int64         // of its signs of life
	Hours           hours         // with a sign of life
	Newest          schemas.Event // heartbeat
	Said            statements
	Beats           minutes // with a heartbeat
	Lives           lives

	Overrides map[string]schemas.Event // the newest of each subject, folded
	Chains    map[string]*ShownChain   `json:",omitempty"`
}

func newNodeFold() *nodeFold {
	return &nodeFold{
		nodeState: nodeState{Hours: hours{}, Said: statements{}, Beats: minutes{}, Lives: lives{}},
		boots:     map[string]sequence{},
	}
}

// sign notes a sign of life.
func (n *nodeFold) sign(ms int64) {
	n.Hours.add(ms)
	if n.FirstMS == 0 || ms < n.FirstMS {
		n.FirstMS = ms
	}
	n.LastMS = max(n.LastMS, ms)
}

// signs notes that each request of a tally was a sign of life.
func (n *nodeFold) signs(t schemas.Tally) {
	n.sign(t.FirstMS)
	n.sign(t.LastMS)
	n.Hours.addDay(t.FirstMS/dayMS, t.Hours)
}

// heartbeat notes a sign of life and what it says. Of two heartbeats in the
// same millisecond the one with the higher boot and number is the newer one,
// by decree.
func (n *nodeFold) heartbeat(e *schemas.Event) {
	n.sign(e.TimeMS)
	n.Beats.add(e.TimeMS)
	n.Said.add(e)
	n.Lives.add(e)
	if newer(e, &n.Newest) {
		n.Newest = cloneBeat(e, n.Newest.Subjects)
	}
}

// cloneBeat copies what is used of a heartbeat, free of the block it stood in.
// What it says of subjects is mostly the same as before.
func cloneBeat(e *schemas.Event, before []schemas.SubjectState) schemas.Event {
	if !slices.Equal(before, e.Subjects) {
		before = cloneStates(e.Subjects)
	}
	return schemas.Event{
		TimeMS: e.TimeMS, Boot: strings.Clone(e.Boot), Seq: e.Seq,
		RolloutDigest: strings.Clone(e.RolloutDigest), Subjects: before,
	}
}

// cloneStates copies states with their texts, which are part of a block.
func cloneStates(states []schemas.SubjectState) []schemas.SubjectState {
	own := make([]schemas.SubjectState, len(states))
	for i, s := range states {
		own[i] = schemas.SubjectState{Subject: strings.Clone(s.Subject), Mode: schemas.Mode(strings.Clone(string(s.Mode))), Fingerprint: strings.Clone(s.Fingerprint)}
	}
	return own
}

func newer(a, b *schemas.Event) bool {
	if a.TimeMS != b.TimeMS {
		return a.TimeMS > b.TimeMS
	}
	if a.Boot != b.Boot {
		return a.Boot > b.Boot
	}
	return a.Seq > b.Seq
}

func (n *nodeFold) node(name string) Node {
	return Node{
		Name: name, First: utc(n.FirstMS), Last: utc(n.LastMS), Hours: n.Hours.count(),
		Twins: n.Lives.twins(), RolloutDigest: n.Newest.RolloutDigest, Subjects: n.loaded(), Overrides: n.overrides(), Chains: n.shown(),
	}
}

// gaps lists stretches of at least so many hours without a sign of life, the
// lines that are missing and the ends without a last word, in order of time.
func (n *nodeFold) gaps(name string, hours int64) []Gap {
	var gaps []Gap
	for from, to := range n.Hours.holes() {
		if to-from < hours {
			continue
		}
		gaps = append(gaps, Gap{Node: name, From: hourStart(from), To: hourStart(to)})
	}
	for _, boot := range slices.Sorted(maps.Keys(n.boots)) {
		gaps = append(gaps, n.boots[boot].gaps(name)...)
	}
	gaps = append(gaps, n.Lives.cuts(name, n.Hours)...)
	slices.SortStableFunc(gaps, func(a, b Gap) int { return a.To.Compare(b.To) })
	return gaps
}
