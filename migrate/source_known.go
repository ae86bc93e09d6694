package migrate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"lockstep/schemas"
)

// A logState says what is to be done about a log.
type logState int

const (
	logUnread  logState = iota
	logCut              // it was truncated before all of it was read
	logRead             // all of it was read
	logCopy             // another one begins with all that it holds
	logShorter          // more was read of one that begins like it
)

// A knownLog is a log that was read before, by this run or by one that left
// its store. It keeps its identity when it is renamed, packed or copied: that
// is its first bytes and the last ones before the place up to which it was
// read. Device, inode, size and time only save opening a log that is as it was.
type knownLog struct {
	logFile

	complete bool     // all of it was read, as it was then
	told     bool     // to this run, all there was when it came
	by       *logFile // which of those found goes on with it
	replaced bool     // another one has its name
}

// place finds out how much of each log was read before, and which are copies.
func (f *Files) place() error {
	for _, log := range f.logs {
		f.lookUp(log)
	}
	f.leaveOutBegun()
	if err := f.leaveOutCopies(); err != nil {
		return err
	}
	var doubts []doubt
	for _, log := range f.logs {
		if log.state != logUnread {
			continue
		}
		d, err := f.recognize(log)
		switch {
		case err != nil:
			return err
		case len(d.others) > 0:
			doubts = append(doubts, d)
		case d.same != nil:
			log.goOn(d.same)
		default:
			f.begin(log)
		}
	}
	for _, d := range doubts { // when it is known who goes on with what
		if err := d.settle(); err != nil {
			return err
		}
	}
	f.noteReplaced()
	return nil
}

// lookUp finds a log that is as it was: it does not have to be opened.
func (f *Files) lookUp(log *logFile) {
	for _, k := range f.known {
		if k.complete && k.by == nil && k.id == log.id && k.size == log.size && k.modified.Equal(log.modified) && strings.HasPrefix(log.head, k.head) {
			log.goOn(k)
			log.state, log.kept = k.state, true
			return
		}
	}
}

// recognize finds the known log of which a log holds all that was read, and
// others of which it may be a copy: those that begin with all that it holds, and
// that one, if another log goes on with it.
func (f *Files) recognize(log *logFile) (doubt, error) {
	d := doubt{log: log}
	for _, k := range f.known {
		holds, err := log.holds(k)
		if err != nil {
			return d, err
		}
		if holds == firstEnds || holds == sameStream && k.by != nil {
			d.others = append(d.others, k)
		}
		if holds == sameStream {
			d.same = k
			break
		}
	}
	return d, nil
}

// begin has a log that nobody knows begin, unless no line of it was whole until
// now. What this run was told of goes by its first bytes, not by its inode.
func (f *Files) begin(log *logFile) {
	log.fresh = true
	for _, k := range f.known {
		if k.from.Offset == 0 && k.by == nil && !k.told && k.id == log.id && log.stdin == nil {
			log.goOn(k)
			log.fresh = false
			return
		}
	}
}

// holds compares a log with what was read of a known one: it has the same up
// to there, it ends before, or they differ.
func (l *logFile) holds(k *knownLog) (int, error) {
	switch {
	case k.head == "" || l.head == "":
		return differentStreams, nil
	case len(l.head) < min(len(k.head), headBytes) && strings.HasPrefix(k.head, l.head):
		return firstEnds, nil
	case !strings.HasPrefix(l.head, k.head):
		return differentStreams, nil
	}
	same, err := l.continues(k.from)
	switch {
	case errors.Is(err, io.EOF), l.packed && errors.Is(err, io.ErrUnexpectedEOF):
		return firstEnds, nil
	case same:
		return sameStream, nil
	}
	return differentStreams, ifThere(err)
}

// goOn goes on from a known log. A second log that does so is another one.
func (l *logFile) goOn(k *knownLog) {
	l.from = k.from
	if k.by == nil {
		l.row, k.by = k.row, l
	}
	if k.told { // what it has got since is for the next run
		l.size, l.modified, l.state = k.size, k.modified, logRead
	}
}

// noteReplaced notes which logs that were read before are gone, while another
// one has their name: how they ended is not known.
func (f *Files) noteReplaced() {
	fresh := map[string]bool{}
	for _, log := range f.logs {
		fresh[log.path] = log.fresh
	}
	for _, k := range f.known {
		k.replaced = k.replaced || k.from.Offset > 0 && fresh[k.path]
	}
}

// lost reports a log that was truncated while it was read and of which nobody
// has the rest.
func (f *Files) lost() error {
	for _, k := range f.known {
		if k.state == logCut && k.by == nil {
			return schemas.Hint(fmt.Errorf("%s: it was truncated while it was read, and no other log has the rest", k.path),
				"give the copy that the rotation makes to --logs as well; if it makes none, these lines are lost: run it again")
		}
	}
	return nil
}

// remember knows the logs of a pass by how far they were read, for the next one.
func (f *Files) remember() {
	f.known = slices.DeleteFunc(f.known, func(k *knownLog) bool { return k.by != nil })
	for _, log := range f.logs {
		if log.state == logCopy { // that of which it is one may have gone
			continue
		}
		k := &knownLog{logFile: *log, complete: log.state == logRead, told: log.state == logRead}
		if !k.told || k.from.Offset > 0 { // or its first line, which has no end, was told
			k.head = k.wholeLines()
		}
		f.known = append(f.known, k)
	}
	slices.SortStableFunc(f.known, func(a, b *knownLog) int { return cmp.Compare(b.from.Offset, a.from.Offset) })
}

// coverage adds what is to be said of the logs themselves.
func (f *Files) coverage(c *Coverage) {
	c.Copies, c.Shorter = 0, 0
	for _, log := range f.logs {
		switch {
		case log.state == logCopy:
			c.Copies++
		case log.state == logShorter:
			c.Shorter++
		case log.state == logRead && log.kept && !log.packed && log.from.Offset < log.size:
			c.Unfinished++
		}
	}
	for _, k := range f.known {
		if k.replaced && k.by == nil {
			c.Replaced++
		}
	}
}

// wholeLines is that part of the first bytes that was read for good.
func (l *logFile) wholeLines() string { return l.head[:min(int64(len(l.head)), l.from.Offset)] }

// continues reports whether the log holds at its place what was read up to
// there before. The error is [io.EOF] if the log ends before, [fs.ErrNotExist]
// if it is not what was found.
func (l *logFile) continues(at position) (bool, error) {
	text, err := l.peekAt(at.Offset - int64(len(at.Tail)))
	if errors.Is(err, io.EOF) && !l.packed {
		return false, l.ends()
	}
	if err != nil {
		return false, err
	}
	defer text.Close()
	tail := make([]byte, len(at.Tail))
	_, err = io.ReadFull(text, tail)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return err == nil && string(tail) == at.Tail, err //nolint:wrapcheck // io.EOF is part of the contract
}

// ends returns [io.EOF] if the log begins as it was found: it is as short as that.
func (l *logFile) ends() error {
	text, err := l.peekAt(0)
	if err != nil {
		return err
	}
	defer text.Close()
	if now := *l; !now.begun(text) {
		return fs.ErrNotExist
	}
	return io.EOF
}
