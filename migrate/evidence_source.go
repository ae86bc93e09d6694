package migrate

import (
	"slices"
	"time"
)

// lateness is how long it may take from an event to the line of it in a log
// that is read: runtimes write every minute, and logs are shipped.
const lateness = 5 * time.Minute

// A SourceState says how far the evidence of a source goes. The sources of log
// files are the nodes that write them, as it is them that are waited for.
type SourceState struct {
	Name  string    `json:"source"`
	First time.Time `json:"first,omitzero"` // that it told of
	Last  time.Time `json:"last,omitzero"`

	// CompleteUntil is the time up to which nothing of it is still to come; it
	// is zero for one that has told nothing. What comes late counts the next time.
	CompleteUntil time.Time `json:"complete_until,omitzero"`
}

// told adds what a contributor knows of itself.
func (f *Fold) told(s SourceState) { f.sources = append(f.sources, s) }

// source is a node as a source.
func (n *nodeFold) source(name string) SourceState {
	s := SourceState{Name: name, First: utc(n.FirstMS), Last: utc(n.LastMS)}
	if n.LastMS != 0 {
		s.CompleteUntil = s.Last.Add(-lateness)
	}
	return s
}

// CompleteUntil is the time up to which the evidence is complete: that of the
// source which is behind all others. It is zero if one has told nothing.
func (e *Evidence) CompleteUntil() time.Time { return e.behind().CompleteUntil }

// behind is the source whose evidence ends first.
func (e *Evidence) behind() SourceState { return behindAll(e.Sources) }

func behindAll(sources []SourceState) SourceState {
	if len(sources) == 0 {
		return SourceState{}
	}
	return slices.MinFunc(sources, func(a, b SourceState) int { return a.CompleteUntil.Compare(b.CompleteUntil) })
}

// contributed are the sources that are no nodes, which come after those.
func (e *Evidence) contributed() []SourceState { return e.Sources[min(len(e.Nodes), len(e.Sources)):] }

// sources are those that a step waits for: the nodes that have to report, and
// whatever else evidence came from.
func (g *gate) sources() []SourceState {
	byName := map[string]SourceState{}
	for _, s := range g.in.Evidence.Sources {
		byName[s.Name] = s
	}
	all := slices.Clone(g.in.Evidence.contributed())
	for _, n := range g.nodes {
		all = append(all, byName[n.Name]) // which has told nothing if it is not there
	}
	return all
}

// completeUntil is what a plan says of that; nil if a source has told nothing.
func (g *gate) completeUntil() *time.Time {
	until := behindAll(g.sources()).CompleteUntil.Truncate(time.Second)
	if until.IsZero() {
		return nil
	}
	return &until
}

// sourceFindings make sure that every source but the nodes, of which the same
// is asked elsewhere, has told something, and lately.
func (g *gate) sourceFindings() []finding {
	var findings []finding
	for _, s := range g.in.Evidence.contributed() {
		switch {
		case s.CompleteUntil.IsZero():
			findings = append(findings, inconclusive("%s has told nothing", printable(s.Name)))
		case g.in.Now.Sub(s.Last) >= max(silence, g.in.Evidence.MaxGap):
			findings = append(findings, inconclusive("%s has been silent since %s", printable(s.Name), minute(s.Last)))
		}
	}
	return findings
}
