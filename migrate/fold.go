package migrate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// maxSamples is how many lines that were not understood are named.
const maxSamples = 3

// A Fold merges events into evidence. It takes memory per client and day, not
// per line. What it yields does not depend on the order of the lines or on
// how they are spread over files; an event that is read twice counts once.
type Fold struct {
	environment  string
	environments map[string]bool // all that were taken in
	window       Window
	coverage     Coverage
	samples      []Sample
	nodes        map[string]*nodeFold
	tallies      map[schemas.TallyKey]schemas.Tally
}

// nodeFold is what was seen of one node.
type nodeFold struct {
	firstMS, lastMS int64 // of its heartbeats
	hours           hours
	newest          schemas.Event // heartbeat
	said            statements
	beats           minutes // with a heartbeat
	boots           map[string]*sequence
}

// NewFold starts a fold of the events of one environment; events of others
// are ignored. An empty name takes what comes, as long as it is of one.
func NewFold(environment string) *Fold {
	return &Fold{
		environment: environment, environments: map[string]bool{},
		nodes:   map[string]*nodeFold{},
		tallies: map[schemas.TallyKey]schemas.Tally{},
	}
}

// Gather folds all lines of a source.
func Gather(ctx context.Context, source Source, dialect Dialect, environment string) (*Evidence, error) {
	fold := NewFold(environment)
	for line, err := range source.Lines(ctx) {
		if err != nil {
			return nil, err
		}
		fold.Add(dialect, line)
	}
	return fold.Evidence()
}

// Add takes in one line.
func (f *Fold) Add(dialect Dialect, line Line) {
	if line.Long {
		f.coverage.Lines++
		f.unparsed(line, fmt.Sprintf("longer than %d KiB", MaxLine>>10))
		return
	}
	event, ok, err := dialect.Parse(line.Text)
	switch {
	case err != nil && line.Open: // the rest of it is still to come
		f.coverage.Unfinished++
		return
	case err != nil:
		f.unparsed(line, err.Error())
	case !ok || (f.environment != "" && event.Environment != f.environment):
		f.coverage.Ignored++
	case !f.event(&event):
		f.coverage.Ignored++
	default:
		f.coverage.Parsed++
	}
	f.coverage.Lines++
}

// unparsed keeps the first samples by place, so that the order does not matter.
func (f *Fold) unparsed(line Line, reason string) {
	f.coverage.Unparsed++
	f.samples = append(f.samples, Sample{File: line.File, Line: line.Number, Reason: reason})
	slices.SortFunc(f.samples, Sample.compare)
	f.samples = f.samples[:min(len(f.samples), maxSamples)]
}

// event counts an event unless it was counted before.
func (f *Fold) event(e *schemas.Event) bool {
	node := f.node(e.Node)
	boot := node.boots[e.Boot]
	if boot == nil {
		boot = &sequence{}
		node.boots[e.Boot] = boot
	}
	if !boot.add(e.Seq, e.TimeMS) {
		return false
	}
	f.environments[e.Environment] = true
	f.window.include(e.TimeMS)
	switch e.Kind {
	case schemas.EventTally:
		f.tally(e)
	case schemas.EventHeartbeat:
		node.heartbeat(e)
	case schemas.EventDetail: // for people; its request is in a tally as well
	}
	return true
}

func (f *Fold) tally(e *schemas.Event) {
	key, tally := e.Tally()
	merged := f.tallies[key]
	merged.Merge(tally)
	f.tallies[key] = merged
	f.window.include(tally.FirstMS)
	f.window.include(tally.LastMS)
}

func (f *Fold) node(name string) *nodeFold {
	if f.nodes[name] == nil {
		f.nodes[name] = &nodeFold{
			hours: hours{}, said: statements{}, beats: minutes{}, boots: map[string]*sequence{},
		}
	}
	return f.nodes[name]
}

// heartbeat notes a sign of life. Of two heartbeats in the same millisecond
// the one with the higher boot and number is the newer one, by decree.
func (n *nodeFold) heartbeat(e *schemas.Event) {
	n.hours.add(e.TimeMS)
	n.beats.add(e.TimeMS)
	n.said.add(e)
	if n.firstMS == 0 || e.TimeMS < n.firstMS {
		n.firstMS = e.TimeMS
	}
	n.lastMS = max(n.lastMS, e.TimeMS)
	if newer(e, &n.newest) {
		n.newest = *e
	}
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

// Evidence returns what has been taken in. The fold must not be used after.
func (f *Fold) Evidence() (*Evidence, error) {
	names := slices.Sorted(maps.Keys(f.environments))
	if len(names) > 1 {
		return nil, schemas.Hint(
			errors.New("the logs are of several environments: "+strings.Join(printables(names), ", ")),
			"give the logs of one, or name the rollout file of one")
	}
	e := &Evidence{
		Environment: f.environment, Window: f.window,
		Coverage: f.coverage, Samples: f.samples, Tallies: f.tallies,
	}
	if e.Environment == "" && len(names) == 1 {
		e.Environment = names[0]
	}
	for _, name := range slices.Sorted(maps.Keys(f.nodes)) {
		node := f.nodes[name]
		e.Nodes = append(e.Nodes, node.node(name))
		e.Gaps = append(e.Gaps, node.gaps(name)...)
	}
	return e, nil
}

func (n *nodeFold) node(name string) Node {
	return Node{
		Name: name, First: utc(n.firstMS), Last: utc(n.lastMS), Hours: n.hours.count(),
		RolloutDigest: n.newest.RolloutDigest, Subjects: n.loaded(),
	}
}

// gaps lists the hours without a sign of life and the lines that are missing,
// in order of time.
func (n *nodeFold) gaps(name string) []Gap {
	var gaps []Gap
	for from, to := range n.hours.holes() {
		gaps = append(gaps, Gap{Node: name, From: hourStart(from), To: hourStart(to)})
	}
	for _, boot := range slices.Sorted(maps.Keys(n.boots)) {
		gaps = append(gaps, n.boots[boot].gaps(name)...)
	}
	slices.SortStableFunc(gaps, func(a, b Gap) int { return a.To.Compare(b.To) })
	return gaps
}
