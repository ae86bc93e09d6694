package migrate

import (
	"context"
	"iter"
	"strings"
)

// applyRecords takes in what the records of a block say, in their order.
func (f *Fold) applyRecords(b *batch) {
	f.Exposed.merge(b.exposed)
	for _, s := range b.signs {
		node := f.node(s.node)
		node.sign(s.firstMS)
		node.sign(s.lastMS)
		f.Window.include(s.firstMS)
		f.Window.include(s.lastMS)
	}
	f.applyLines(b)
}

// applyRecord counts a record that is the first of its request, and reports
// whether it is.
func (f *Fold) applyRecord(file string, r *Record) bool {
	first := f.Pairing.first(f.callers, file, r)
	if first {
		f.record(r)
	}
	return first
}

// copyMark parts the name of a node from that of a copy of its log. Such names
// are next to each other in order, as nothing but this mark sorts before them.
const copyMark = "\x01"

// record counts the request of a record.
func (f *Fold) record(r *Record) {
	e := r.Event
	if r.Copy != "" {
		f.Copied = true
		e.Node += copyMark + r.Copy
	}
	f.seen(e.Environment)
	f.tally(&e)
}

// settle counts the records whose first half did not turn up anywhere.
func (f *Fold) settle() {
	for _, r := range f.Pairing.rest(f.callers) {
		f.record(&r)
		f.Coverage.Parsed++
		f.Coverage.Ignored-- // as it was kept back
	}
}

// distinct makes one tally of those of several copies of the same log: what is
// in any of them has happened, and a count is that of the copy that has most.
// So neither a log that is there twice nor half a copy changes the evidence.
type distinct struct{ tallySource }

// rows implements [tallySource].
func (d distinct) rows(ctx context.Context) iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		var held *tallyRow
		for row, err := range d.tallySource.rows(ctx) {
			if err != nil {
				yield(row, err)
				return
			}
			row.Node, _, _ = strings.Cut(row.Node, copyMark)
			if held != nil && held.TallyKey == row.TallyKey {
				count := max(held.Count, row.Count)
				held.Merge(row.Tally)
				held.Count = count
				continue
			}
			if held != nil && !yield(*held, nil) {
				return
			}
			held = &row
		}
		if held != nil {
			yield(*held, nil)
		}
	}
}
