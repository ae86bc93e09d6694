package migrate

import (
	"cmp"
	"slices"
)

// merge takes in what another fold knows besides its nodes and tallies. In
// which order folds are merged does not matter.
func (f *Fold) merge(s *foldState) {
	for _, environment := range s.Environments {
		f.seen(environment)
	}
	f.Window.merge(s.Window)
	f.Coverage.add(s.Coverage)
	f.Coverage.Copies += s.Coverage.Copies
	f.sample(s.Samples)
	f.Exposed.merge(s.Exposed)
	f.Pairing.merge(f.callers, &s.Pairing)
	f.Copied = f.Copied || s.Copied
}

func (w *Window) merge(other Window) {
	if !other.From.IsZero() {
		w.include(other.From.UnixMilli())
		w.include(other.To.UnixMilli())
	}
}

// merge takes in what is left over of other logs.
func (p *pairing) merge(c *callers, other *pairing) {
	p.end(c)
	other.end(c)
	if p.Tails == nil {
		p.Tails = map[string][]threadMark{}
	}
	for thread, tails := range other.Tails {
		p.Tails[thread] = append(p.Tails[thread], tails...)
	}
	p.Heads = append(p.Heads, other.Heads...)
}

// end has no log go on: what is left over of the last one is kept like that of the others.
func (p *pairing) end(c *callers) {
	if p.Threads != nil {
		p.turn(c, "", 0)
		p.Threads = nil
	}
}

// merge takes in what another fold has seen of the same node.
func (n *nodeFold) merge(other *nodeFold) {
	if other.FirstMS != 0 && (n.FirstMS == 0 || other.FirstMS < n.FirstMS) {
		n.FirstMS = other.FirstMS
	}
	n.LastMS = max(n.LastMS, other.LastMS)
	for day, mask := range other.Hours {
		n.Hours.addDay(day, mask)
	}
	for hour, mask := range other.Beats {
		n.Beats[hour] |= mask
	}
	if newer(&other.Newest, &n.Newest) {
		n.Newest = other.Newest
	}
	n.Said.merge(other.Said)
	n.Lives.merge(other.Lives)
	n.mergeShown(other)
	for boot, s := range other.boots {
		if n.boots[boot] == nil {
			n.boots[boot] = sequence{}
		}
		n.boots[boot].merge(s)
	}
	n.dirty = true
}

func (s statements) merge(other statements) {
	for words, said := range other {
		if s[words] == nil {
			s[words] = &statement{Subjects: said.Subjects}
		}
		s[words].LastMS = max(s[words].LastMS, said.LastMS)
	}
}

func (l lives) merge(other lives) {
	for boot, theirs := range other {
		ours := l[boot]
		if ours == nil {
			copied := *theirs
			l[boot] = &copied
			continue
		}
		ours.FirstMS, ours.LastMS = min(ours.FirstMS, theirs.FirstMS), max(ours.LastMS, theirs.LastMS)
		ours.Final = ours.Final || theirs.Final
	}
}

// mergeShown takes in overrides and chains.
func (n *nodeFold) mergeShown(other *nodeFold) {
	for _, e := range other.Overrides {
		n.override(&e)
	}
	if n.Chains == nil && len(other.Chains) > 0 {
		n.Chains = map[string]*ShownChain{}
	}
	for key, theirs := range other.Chains {
		if ours := n.Chains[key]; ours != nil {
			ours.FirstMS, ours.LastMS = min(ours.FirstMS, theirs.FirstMS), max(ours.LastMS, theirs.LastMS)
			continue
		}
		copied := *theirs
		n.Chains[key] = &copied
	}
}

// merge adds the numbers of another set.
func (s sequence) merge(other sequence) {
	for number, c := range other {
		if s[number] == nil {
			s[number] = &chunk{}
		}
		s[number].merge(c.runs)
	}
}

// merge joins runs that touch or overlap. The time at an end is that of the
// event there, and the same in both.
func (c *chunk) merge(runs []run) {
	all := slices.Concat(c.runs, runs)
	slices.SortFunc(all, func(a, b run) int { return cmp.Compare(a.first, b.first) })
	c.runs, c.dirty = all[:0], true
	for _, r := range all {
		last := len(c.runs) - 1
		switch {
		case last < 0 || c.runs[last].last+1 < r.first:
			c.runs = append(c.runs, r)
		case r.last > c.runs[last].last:
			c.runs[last].last, c.runs[last].lastMS = r.last, r.lastMS
		}
	}
}

// count is how many numbers are in the set.
func (s sequence) count() uint64 {
	n := uint64(0)
	for _, c := range s {
		for _, r := range c.runs {
			n += r.last - r.first + 1
		}
	}
	return n
}

// common counts the numbers that are in both sets.
func (s sequence) common(other sequence) uint64 {
	n := uint64(0)
	for number, c := range s {
		if theirs := other[number]; theirs != nil {
			n += commonRuns(c.runs, theirs.runs)
		}
	}
	return n
}

func commonRuns(a, b []run) uint64 {
	n := uint64(0)
	for len(a) > 0 && len(b) > 0 {
		if first, last := max(a[0].first, b[0].first), min(a[0].last, b[0].last); first <= last {
			n += last - first + 1
		}
		if a[0].last < b[0].last {
			a = a[1:]
		} else {
			b = b[1:]
		}
	}
	return n
}

// numbered counts the events of a node that have a number.
func (n *nodeFold) numbered() uint64 {
	count := uint64(0)
	for _, s := range n.boots {
		count += s.count()
	}
	return count
}

// common counts those that another fold has seen, too.
func (n *nodeFold) common(other *nodeFold) uint64 {
	count := uint64(0)
	for boot, s := range n.boots {
		count += s.common(other.boots[boot])
	}
	return count
}

// inOrder reports whether runs are as a chunk of that number holds them.
func inOrder(runs []run, number uint64) bool {
	next := number << chunkBits
	for i, r := range runs {
		if r.first < next || r.last < r.first || r.last>>chunkBits != number || i > 0 && r.first == next {
			return false
		}
		next = r.last + 1
	}
	return len(runs) > 0
}
