package migrate

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"lockstep/migrate/scan"
	"lockstep/schemas"
)

// A grouping counts lines by the raw values that a mapping needs, and has the
// mapping say once for all of them what they mean. Workers share it: tuples are
// spread over parts by their hash, so that each tuple is judged once, and two
// workers seldom want the same part.
type grouping struct {
	budget

	maker       tupleMaker
	paths       [][]string // the fields, and the time if it is not one of them
	when        int        // the time among them
	environment string
	seed        uint64
	judge       *judge
	parts       []*groupPart // as many as a power of two

	files sync.Mutex
	nodes []string // of files, where lines do not say it
}

// newGrouping is nil if lines of a dialect have to be read one by one.
func newGrouping(opts *Options) *grouping {
	m, ok := opts.Dialect.(*mapping)
	if !ok || opts.simple || m.def.Format != schemas.FormatJSON {
		return nil
	}
	fields, when, ok := m.needs()
	if !ok {
		return nil
	}
	for _, field := range fields {
		if len(field) > maxParents {
			return nil
		}
	}
	g := &grouping{
		maker: tupleMaker{m, fields}, environment: opts.Environment, seed: rand.Uint64(), //nolint:gosec // no secret
		budget: budget{memory: opts.Memory},
	}
	if g.find(fields, when); len(outermost(g.all())) != len(g.paths) {
		return nil // the time is part of another field
	}
	if _, ok := scan.New(g.paths); !ok {
		return nil
	}
	return g
}

// worker implements [counting].
func (g *grouping) worker() blockCounter {
	if g.judge == nil {
		g.judge = newJudge(g.maker, g.environment, g.seed)
	}
	for len(g.parts) < partsFor(runtime.GOMAXPROCS(0)) {
		g.parts = append(g.parts, newGroupPart(g))
	}
	return newGrouper(g)
}

// fileNumber is the number of the node of a file; 0 where lines say it.
func (g *grouping) fileNumber(node string) uint64 {
	if node == "" {
		return 0
	}
	g.files.Lock()
	defer g.files.Unlock()
	if !slices.Contains(g.nodes, node) {
		g.nodes = append(g.nodes, node)
	}
	return uint64(slices.Index(g.nodes, node) + 1) //nolint:gosec // an index
}

// find notes what is looked for.
func (g *grouping) find(fields []fieldPath, when fieldPath) {
	g.when = -1
	for i, field := range fields {
		g.paths = append(g.paths, field)
		if field.String() == when.String() && len(field) == len(when) {
			g.when = i
		}
	}
	if g.when < 0 {
		g.when = len(g.paths)
		g.paths = append(g.paths, when)
	}
}

func (g *grouping) all() (paths []fieldPath) {
	for _, path := range g.paths {
		paths = append(paths, path)
	}
	return paths
}
