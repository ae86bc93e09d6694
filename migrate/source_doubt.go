package migrate

import (
	"errors"
	"io/fs"
	"math"
	"sync/atomic"
)

// A doubt is a log that may be a copy of others: it ends before what was read of
// them, or just there.
type doubt struct {
	log    *logFile
	others []*knownLog // of which most was read first
	same   *knownLog   // the one of which it has all that was read; nil if there is none
}

// settle decides about the log. If one that goes on with what was read has all
// of it, it is a copy that is old or is still being made. If not, and it is known
// itself, it goes on. Else it waits: a log that was rewritten with the same
// beginning counts once it is longer, a short one as soon as it has lines of its own.
func (d *doubt) settle() error {
	l := d.log
	l.state, l.after = logShorter, d.others[0]
	for _, k := range d.others {
		if k.by == nil {
			continue
		}
		l.after = k
		c, err := compareLogs(l, k.by, k.willBeRead())
		switch {
		case errors.Is(err, fs.ErrNotExist): // it has just moved
			return nil
		case err != nil:
			return err
		case c == sameStream, c == firstEnds:
			l.state, l.of = logCopy, k.by
			return nil
		}
	}
	return d.goOn()
}

// willBeRead is how much of a log will have been read, in bytes: what was read
// of it, or all that there is if it is still to be read to its end.
func (k *knownLog) willBeRead() int64 {
	if k.by.state == logRead {
		return k.from.Offset
	}
	return math.MaxInt64
}

// goOn has a log that is no copy go on if it is known. A copy that was completed
// meanwhile looks so as well if what it was made of was truncated.
func (d *doubt) goOn() error {
	l := d.log
	if d.same == nil {
		if len(l.head) < headBytes && !l.torn {
			l.state = logCopy
		}
		return nil
	}
	holds, err := l.holds(l.after)
	if holds == firstEnds || l.after == d.same {
		l.state, l.after = logUnread, nil
		l.goOn(d.same)
	}
	return err
}

// late reports whether there is a log that was left out, as it had less than was
// read of another one, and of which that is not so any more, or not certain: it
// is a copy that was complete, and the other one truncated or gone, just after
// both were listed.
func (f *Files) late() bool {
	for _, log := range f.logs {
		unsure := log.state == logShorter || log.state == logCopy && log.after != nil && log.after.by == nil
		if unsure && log.isLate() {
			return true
		}
	}
	return false
}

func (l *logFile) isLate() bool {
	if by := l.after.by; by != nil && !by.isStill(by.path) {
		return true
	}
	now, err := l.again()
	if err != nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	holds, err := now.holds(l.after)
	return err == nil && holds == sameStream
}

// again looks at a log once more.
func (l *logFile) again() (*logFile, error) {
	now := *l
	text, err := now.open(new(atomic.Int64))
	if err != nil {
		return nil, err
	}
	defer text.Close()
	if now.id != l.id || !now.begun(text) {
		return nil, fs.ErrNotExist
	}
	return &now, nil
}
