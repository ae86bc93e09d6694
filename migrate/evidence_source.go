package migrate

import (
	"slices"
	"time"
)

// lateness is how long it may take from an event to the line of it in a log
// that is read: runtimes write every minute, and logs are shipped.
const lateness = 5 * time.Minute

// A SourceState says how far the evidence of a source goes. The sources of logs
// are the nodes that write them, whoever has read them, as it is them that are
// waited for. After those come log databases and hosts of which something is
// missing: up to there they have told all.
type SourceState struct {
	Name  string    `json:"source"`
	First time.Time `json:"first,omitzero"` // that it told of
	Last  time.Time `json:"last,omitzero"`

	// CompleteUntil is the time up to which nothing of it is still to come; it
	// is zero for one that has told nothing. What comes late counts the next time.
	CompleteUntil time.Time `json:"complete_until,omitzero"`
}

// A reach is how far a contributor goes, and why it goes no further.
type reach struct {
	source string
	until  time.Time
	why    string
}

// reaches notes how far a contributor goes, whatever it has found.
func (f *Fold) reaches(source string, until time.Time, why string) {
	f.ends = append(f.ends, reach{source, until.UTC(), why})
}

// missEnds names the contributors that end so long before the others that a
// whole stretch of time is missing.
func (f *Fold) missEnds() {
	for _, r := range f.ends {
		if r.until.Add(time.Duration(f.maxGap) * time.Hour).Before(f.Window.To) {
			f.missed(UnknownWindow{Source: r.source, From: r.until, To: f.Window.To, Reason: r.why})
		}
	}
}

// withHoles are the contributors of which something is missing.
func withHoles(unknown []UnknownWindow) []SourceState {
	var sources []SourceState
	for _, w := range unknown {
		i := slices.IndexFunc(sources, func(s SourceState) bool { return s.Name == w.Source })
		if i < 0 {
			i = len(sources)
			sources = append(sources, SourceState{Name: w.Source, CompleteUntil: w.From})
		}
		if w.From.Before(sources[i].CompleteUntil) {
			sources[i].CompleteUntil = w.From
		}
	}
	return sources
}

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
