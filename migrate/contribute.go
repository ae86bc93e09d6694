package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"lockstep/schemas"
)

// A Contributor adds to a fold what a source beside the log files knows:
// tallies that somebody else has summed up, or lines from elsewhere. It is
// asked once, after the files, and never by two goroutines.
//
// What it could not read it names with [Fold.missed] and goes on, and with
// [Fold.reaches] it says where it ends. An error
// ends all: it is for what makes the rest useless as well.
type Contributor interface {
	contribute(ctx context.Context, f *Fold) error
}

// An UnknownWindow is a stretch of time that a source should have told of and
// did not. What happened in it is not known, which is never the same as
// nothing: the gate judges no step by evidence with such a hole.
type UnknownWindow struct {
	Source string    `json:"source"`
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"`
}

// unknownSource is what is not known of one source.
type unknownSource struct {
	first UnknownWindow
	more  int // windows
}

// unknownBySource sums up the windows that reach beyond a moment, by source in
// the order in which they were asked.
func unknownBySource(windows []UnknownWindow, from time.Time) []unknownSource {
	var sources []unknownSource
	for _, w := range windows {
		i := slices.IndexFunc(sources, func(u unknownSource) bool { return u.first.Source == w.Source })
		switch {
		case !w.To.After(from):
		case i >= 0:
			sources[i].more++
		default:
			sources = append(sources, unknownSource{first: w})
		}
	}
	return sources
}

func (u unknownSource) sentence() string {
	more := ""
	if u.more > 0 {
		more = fmt.Sprintf(", nor %s more", plural(u.more, "window", "windows"))
	}
	return fmt.Sprintf("%s could not be read from %s to %s%s: %s",
		visible(u.first.Source), minute(u.first.From), minute(u.first.To), more, visible(u.first.Reason))
}

// takeIn asks all contributors. Tallies beyond the memory of the spill go to files.
func (f *Fold) takeIn(ctx context.Context, contributors []Contributor, spill *tallySpill) error {
	f.spill = spill
	for _, c := range contributors {
		if err := c.contribute(ctx, f); err != nil {
			return err
		}
		if err := f.check(spill.memory); err != nil {
			return err
		}
	}
	f.missEnds()
	return nil
}

// contributed takes in a tally of a contributor whose every request is a sign
// of life of its node, as in a foreign log.
func (f *Fold) contributed(ctx context.Context, key schemas.TallyKey, tally schemas.Tally) error {
	f.seen(key.Environment)
	f.table.add(key, tally)
	f.Window.include(tally.FirstMS)
	f.Window.include(tally.LastMS)
	node := f.node(key.Node)
	node.sign(tally.FirstMS)
	node.sign(tally.LastMS)
	node.Hours.addDay(tally.FirstMS/dayMS, tally.Hours)
	return f.spill.settle(ctx)
}

// missed notes what a source did not tell.
func (f *Fold) missed(w UnknownWindow) { f.unknown = append(f.unknown, w) }

// A storeBeside yields what a store holds together with what is not kept in
// it: contributors are asked anew each time, so that nothing counts twice.
type storeBeside struct {
	*store

	beside *tallySpill
}

// rows implements [tallySource].
func (s storeBeside) rows(ctx context.Context) iter.Seq2[tallyRow, error] {
	return mergeRows([]iter.Seq2[tallyRow, error]{s.store.rows(ctx), s.beside.rows(ctx)})
}

// Close implements [tallySource].
func (s storeBeside) Close() error { return errors.Join(s.beside.Close(), s.store.Close()) }
