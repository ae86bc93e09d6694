package migrate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"

	"lockstep/schemas"
)

// Scans is a [Contributor] of scan files: what other hosts have folded. In
// which order they are merged does not matter, and what two of them hold
// counts once, or they are refused.
type Scans struct {
	paths       []string
	dialect     scanDialect
	environment string
}

// NewScans finds the scan files that patterns match. They have to be of the
// environment, unless it is empty, and of the dialect.
func NewScans(patterns []string, environment string, dialect Dialect) (*Scans, error) {
	s := &Scans{environment: environment, dialect: scanDialect{Digest: dialectDigest(dialect)}}
	for _, pattern := range patterns {
		paths, err := match(pattern)
		if err != nil {
			return nil, err
		}
		s.paths = append(s.paths, paths...)
	}
	slices.Sort(s.paths)
	s.paths = slices.Compact(s.paths)
	return s, nil
}

// A loadedScan is what a scan file holds besides its tallies.
type loadedScan struct {
	scanHeader

	path  string
	nodes map[string]*nodeFold
	sum   []byte // of all that was read

	counts map[string]bool // by node, whether its tallies do
}

// loadScan reads all of a scan file but its tallies.
func loadScan(path string) (*loadedScan, error) {
	r, err := openScan(path)
	if err != nil {
		return nil, err
	}
	s := &loadedScan{scanHeader: r.header, path: path, nodes: map[string]*nodeFold{}, counts: map[string]bool{}}
	err = r.nodes(func(name string, n *nodeFold) error {
		s.nodes[name], s.counts[name] = n, false
		return nil
	})
	s.sum = r.sum.Sum(nil)
	return s, errors.Join(err, r.close())
}

// contribute implements [Contributor].
func (s *Scans) contribute(ctx context.Context, f *Fold) error {
	scans, err := s.load(ctx)
	if err != nil {
		return err
	}
	if scans, err = distinctScans(scans); err != nil {
		return err
	}
	if err := errors.Join(apartFrom(f.logs, scans), f.takeNodes(scans)); err != nil {
		return err
	}
	for _, one := range scans {
		f.merge(&one.Fold)
		f.Coverage.Unfinished += one.Unfinished
	}
	for group := range slices.Chunk(scans, maxRuns) {
		if err := f.takeRows(ctx, group); err != nil {
			return err
		}
	}
	f.scanned = f.hostsOf(scans)
	return nil
}

// load reads all scans, and refuses those that are of something else.
func (s *Scans) load(ctx context.Context) ([]*loadedScan, error) {
	var scans []*loadedScan
	for _, path := range s.paths {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("read scans: %w", err)
		}
		one, err := loadScan(path)
		if err == nil {
			err = s.fits(one)
		}
		if err != nil {
			return nil, err
		}
		scans = append(scans, one)
	}
	return scans, sameEnvironment(scans)
}

// fits refuses a scan that was made in another way than this evidence is.
func (s *Scans) fits(one *loadedScan) error {
	own := one.Environment
	if own == "" && len(one.Fold.Environments) == 1 {
		own = one.Fold.Environments[0]
	}
	switch {
	case one.Dialect.Digest != s.dialect.Digest:
		zone := ""
		if one.Dialect.Timezone != "" {
			zone = " --timezone " + printable(one.Dialect.Timezone)
		}
		return schemas.Hint(fmt.Errorf("scan %s: its logs were read with another dialect, mapping, timezone or list of nodes", one.path),
			fmt.Sprintf("give --dialect %s%s and the policy it was scanned with, or scan again with these", printable(one.Dialect.Name), zone))
	case s.environment != "" && own != "" && own != s.environment:
		return schemas.Hint(fmt.Errorf("scan %s: it is of environment %s, not of %s", one.path, printable(own), printable(s.environment)),
			"leave it out, or scan again with --environment "+printable(s.environment))
	case s.environment != "" && own == "" && len(one.Fold.Environments) > 0:
		return schemas.Hint(fmt.Errorf("scan %s: it is of several environments", one.path),
			"scan again with --environment "+printable(s.environment))
	}
	return nil
}

// sameEnvironment refuses scans of which one is of another environment.
func sameEnvironment(scans []*loadedScan) error {
	var first *loadedScan
	for _, one := range scans {
		switch {
		case len(one.Fold.Environments) == 0:
		case first == nil:
			first = one
		case !slices.Equal(first.Fold.Environments, one.Fold.Environments):
			return schemas.Hint(fmt.Errorf("scan %s is of environment %s, scan %s of %s",
				first.path, printable(first.Fold.Environments[0]), one.path, printable(one.Fold.Environments[0])),
				"merge scans of one environment")
		}
	}
	return nil
}

// takeNodes takes in what the scans have seen of their nodes, and decides whose
// tallies count: of what one scan holds and another as well, those of one.
func (f *Fold) takeNodes(scans []*loadedScan) error {
	byNode := map[string][]*loadedScan{}
	for _, one := range scans {
		for name := range one.nodes {
			byNode[name] = append(byNode[name], one)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byNode)) {
		slices.SortStableFunc(byNode[name], func(a, b *loadedScan) int {
			return cmp.Compare(b.nodes[name].numbered(), a.nodes[name].numbered())
		})
		for i, one := range byNode[name] {
			if err := f.takeNode(name, one, byNode[name][:i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// takeNode takes in a node of a scan; before are those that hold more of it.
func (f *Fold) takeNode(name string, one *loadedScan, before []*loadedScan) error {
	ours, theirs := f.node(name), one.nodes[name]
	switch own, common := theirs.numbered(), theirs.common(ours); common {
	case 0:
		one.counts[name] = true
	case own: // lines that were read before
		one.Fold.Coverage.Parsed -= own
		one.Fold.Coverage.Ignored += own
	default:
		other := "the logs"
		if i := slices.IndexFunc(before, func(b *loadedScan) bool { return theirs.common(b.nodes[name]) > 0 }); i >= 0 {
			other = "scan " + before[i].path
		}
		return schemas.Hint(fmt.Errorf("scan %s and %s have some events of node %s in common, and others not: they cannot be told apart any more",
			one.path, other, printable(name)), "scan the logs of a node on one host, or leave the older scan out")
	}
	ours.merge(theirs)
	f.fixed += theirs.bytes()
	return nil
}

// bytes is what the numbers of a node take in memory, roughly.
func (n *nodeFold) bytes() int64 {
	bytes := int64(0)
	for _, s := range n.boots {
		bytes += bootBytes
		for _, c := range s {
			bytes += int64(len(c.runs)) * runBytes
		}
	}
	return bytes
}

// takeRows merges the tallies of some scans to one run.
func (f *Fold) takeRows(ctx context.Context, scans []*loadedScan) (err error) {
	heads := mergeHeap{}
	for _, one := range scans {
		r, openErr := openScan(one.path)
		if openErr != nil {
			return openErr
		}
		defer func() { err = errors.Join(err, r.close()) }()
		if err := r.goOn(one); err != nil {
			return err
		}
		heads.open(r.next)
	}
	return f.addSorted(ctx, untilDone(ctx, heads.merge))
}

// goOn skips what was read before, and makes sure that it is the same.
func (r *scanReader) goOn(one *loadedScan) error {
	if err := r.nodes(func(string, *nodeFold) error { return nil }); err != nil {
		return err
	}
	if !bytes.Equal(r.sum.Sum(nil), one.sum) {
		return schemas.Hint(fmt.Errorf("scan %s: it changed while it was read", r.path), "read it again once it is written")
	}
	r.known = one.counts
	return nil
}

// untilDone stops a long stream once nobody waits for it.
func untilDone(ctx context.Context, rows iter.Seq2[tallyRow, error]) iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		for row, err := range rows {
			if err == nil {
				err = ctx.Err()
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// addSorted takes in rows that are in order, as a run of their own.
func (f *Fold) addSorted(ctx context.Context, rows iter.Seq2[tallyRow, error]) error {
	run, err := writeRun(ctx, sortedRows(rows))
	if err != nil {
		return err
	}
	f.spill.runs = append(f.spill.runs, run)
	if len(f.spill.runs) < maxRuns {
		return nil
	}
	err = f.spill.compact(ctx)
	f.table.clear() // it is part of the run
	return err
}

// hostsOf are the hosts of scans, each of which tells of the time before its own.
func (f *Fold) hostsOf(scans []*loadedScan) []scanHost {
	var hosts []scanHost
	for _, one := range scans {
		for _, host := range one.Hosts {
			f.reaches("scan "+one.path+", host "+host.Name, host.At, "it was scanned before that; scan it again")
		}
		hosts = append(hosts, one.Hosts...)
	}
	return hosts
}
