package migrate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// maxSamples is how many lines that were not understood are named.
const maxSamples = 3

// A Fold merges events into evidence. It takes memory per client and day, not
// per line. What it yields does not depend on the order of the lines or on
// how they are spread over files; an event that is read twice counts once.
type Fold struct {
	foldState

	environment string
	nodes       map[string]*nodeFold
	table       *tallyTable
	callers     *callers
	lines       *lineFold // nil if all are read in full
	maxGap      int64     // hours that a node may be silent
	fixed       int64     // what takes memory and cannot be spilled, in bytes, roughly
	profile     Profile

	scanned []scanHost      // of scan files
	ends    []reach         // of contributors
	unknown []UnknownWindow // of contributors
	logs    []*logFile      // that were read here
	spill   *tallySpill     // where their tallies go; not before they are asked
}

// foldState is what a fold knows besides its nodes and tallies. It is stored
// as JSON.
type foldState struct {
	Environments []string // all that were taken in
	Window       Window
	Coverage     Coverage
	Samples      []Sample

	// Of a [RecordDialect].
	Exposed Exposure
	Pairing pairing
	Copied  bool // some records are of copies
}

// NewFold starts a fold of the events of one environment; events of others
// are ignored. An empty name takes what comes, as long as it is of one.
func NewFold(environment string) *Fold {
	return &Fold{environment: environment, maxGap: 1, nodes: map[string]*nodeFold{}, table: newTallyTable(), callers: newCallers()}
}

// expect has a mapping say which nodes have to log, and how often. Runtimes
// write every minute, and the policy knows them.
func (f *Fold) expect(d Dialect) {
	if v, ok := d.(*LogVerifier); ok {
		d = v.mapping
	}
	switch d := d.(type) {
	case *mapping:
		f.profile = Profile{Nodes: d.def.Nodes, MaxGap: time.Duration(d.def.MaxGap)}
	case RecordDialect:
		f.profile = d.Profile()
	}
	f.maxGap = max(int64(f.profile.MaxGap/time.Hour), 1)
	for _, name := range f.profile.Nodes {
		f.node(name)
	}
}

// apply takes in what the lines of a block say, in their order.
func (f *Fold) apply(b *batch) {
	for i := range b.events {
		if f.event(&b.events[i]) {
			b.Parsed++
		} else {
			b.Ignored++
		}
	}
	f.applyRecords(b)
	f.Coverage.add(b.Coverage)
	f.sample(b.samples)
}

// sample keeps the first samples by place, so that the order does not matter.
func (f *Fold) sample(samples []Sample) {
	f.Samples = firstSamples(f.Samples, samples)
}

// firstSamples merges samples and keeps the first few, in order.
func firstSamples(samples, more []Sample) []Sample {
	if len(more) == 0 {
		return samples
	}
	samples = slices.Concat(samples, more)
	slices.SortFunc(samples, Sample.compare)
	return samples[:min(len(samples), maxSamples)]
}

// event counts an event unless it was counted before.
func (f *Fold) event(e *schemas.Event) bool {
	node := f.node(e.Node)
	if e.Seq != 0 && !f.isNew(node, e) {
		return false
	}
	f.seen(e.Environment)
	f.Window.include(e.TimeMS)
	switch e.Kind {
	case schemas.EventTally:
		f.tally(e)
		if e.Seq == 0 { // of a foreign log, where any line is a sign of life
			node.sign(e.TimeMS)
		}
	case schemas.EventHeartbeat:
		node.heartbeat(e)
	case schemas.EventOverride:
		if node.override(e) {
			f.fixed += overrideBytes
		}
	case schemas.EventDetail: // for people, but for certificates; what it tells of is in a tally as well
		if node.shows(e) {
			f.fixed += chainBytes
		}
	}
	return true
}

func (f *Fold) seen(environment string) {
	if !slices.Contains(f.Environments, environment) {
		f.Environments = append(f.Environments, strings.Clone(environment))
	}
}

func (f *Fold) tally(e *schemas.Event) {
	key, tally := e.Tally()
	f.table.add(key, tally)
	f.Window.include(tally.FirstMS)
	f.Window.include(tally.LastMS)
}

// What a node, a boot, a run of numbers, an override and a chain take in memory, roughly.
const (
	nodeBytes     = 1024
	bootBytes     = 256
	runBytes      = 64
	overrideBytes = 512
	chainBytes    = 1024
)

func (f *Fold) node(name string) *nodeFold {
	node := f.nodes[name]
	if node == nil {
		node = newNodeFold()
		f.nodes[strings.Clone(name)] = node
		f.fixed += nodeBytes
	}
	node.dirty = true
	return node
}

func (f *Fold) boot(node *nodeFold, name string) sequence {
	boot := node.boots[name]
	if boot == nil {
		boot = sequence{}
		node.boots[strings.Clone(name)] = boot
		f.fixed += bootBytes
	}
	return boot
}

// isNew reports whether an event comes for the first time.
func (f *Fold) isNew(node *nodeFold, e *schemas.Event) bool {
	chunk := f.boot(node, e.Boot).chunk(e.Seq)
	before := len(chunk.runs)
	isNew := chunk.add(e.Seq, e.TimeMS)
	f.fixed += int64(len(chunk.runs)-before) * runBytes
	return isNew
}

// check reports what makes it useless to go on.
func (f *Fold) check(memory int64) error {
	memory = max(memory, 1<<20)
	if f.fixed > memory {
		return schemas.Hint(
			fmt.Errorf("the logs name more nodes and missing lines than fit into %d MiB: %d nodes", memory>>20, len(f.nodes)),
			"give fewer logs, or more --memory")
	}
	if len(f.Environments) > 1 {
		names := slices.Sorted(slices.Values(f.Environments))
		return schemas.Hint(
			errors.New("the logs are of several environments: "+strings.Join(printables(names), ", ")),
			"give the logs of one, or name the rollout file of one")
	}
	return nil
}

// evidence returns what has been taken in, with tallies from where they ended
// up. The fold must not be used after.
func (f *Fold) evidence(ctx context.Context, tallies tallySource) (*Evidence, error) {
	e := &Evidence{
		Environment: f.environment, Window: f.Window, Coverage: f.Coverage, Samples: f.Samples, source: tallies,
		Unknown: f.unknown, Exposed: f.Exposed, FailuresOnly: f.profile.FailuresOnly, MaxGap: f.profile.MaxGap,
	}
	if f.Copied {
		e.source = distinct{tallies}
	}
	if e.Environment == "" && len(f.Environments) == 1 {
		e.Environment = f.Environments[0]
	}
	for _, name := range slices.Sorted(maps.Keys(f.nodes)) {
		node := f.nodes[name]
		e.Nodes = append(e.Nodes, node.node(name))
		e.Gaps = append(e.Gaps, node.gaps(name, f.maxGap)...)
		e.Sources = append(e.Sources, node.source(name))
	}
	e.Sources = append(e.Sources, withHoles(f.unknown)...)
	return e, e.survey(ctx)
}
