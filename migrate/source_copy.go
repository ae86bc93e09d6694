package migrate

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
)

// leaveOutCopies leaves out logs all of whose lines another log begins with:
// the copy that a rotation left behind, packed or not, whole or not. Only logs
// with the same first bytes are compared, and those to their end.
func (f *Files) leaveOutCopies() error {
	logs := slices.DeleteFunc(slices.Clone(f.logs), func(l *logFile) bool {
		return l.state != logUnread || l.stdin != nil || l.head == ""
	})
	slices.SortStableFunc(logs, func(a, b *logFile) int { return strings.Compare(a.head, b.head) })
	var open []*logFile // logs whose first bytes the current one has as well
	for _, log := range logs {
		open = slices.DeleteFunc(open, func(l *logFile) bool { return !strings.HasPrefix(log.head, l.head) })
		for _, other := range open {
			less, err := lesser(log, other)
			switch {
			case err != nil:
				return err
			case less == log:
				log.state, log.of = logCopy, other
			case less == other:
				other.state, other.of = logCopy, log
			}
		}
		open = slices.DeleteFunc(append(open, log), func(l *logFile) bool { return l.state == logCopy })
	}
	return nil
}

// leaveOutBegun leaves out packed logs of which nothing can be read yet, beside
// those that they are being made of.
func (f *Files) leaveOutBegun() {
	plain := map[string]bool{}
	for _, log := range f.logs {
		plain[log.path] = !log.packed
	}
	for _, log := range f.logs {
		if log.torn && log.head == "" && plain[strings.TrimSuffix(log.path, filepath.Ext(log.path))] {
			log.state = logCopy
		}
	}
}

// lesser returns the one of two logs that the other begins with; a if they are
// the same, nil if they differ. The first bytes of b are those of a.
func lesser(a, b *logFile) (*logFile, error) {
	if len(b.head) < headBytes && !a.torn && !b.torn { // that is all of it
		if a.head == b.head {
			return a, nil
		}
		return b, nil
	}
	c, err := compareLogs(a, b, math.MaxInt64)
	switch {
	case c == sameStream && b.torn, c == secondEnds:
		return b, err
	case c == sameStream, c == firstEnds:
		return a, err
	}
	return nil, ifThere(err)
}

// compareLogs compares all that two logs hold, the second one up to a limit in
// bytes. What is torn ends there. The error is [fs.ErrNotExist] if one of them is
// not where it was found.
func compareLogs(a, b *logFile, limit int64) (int, error) {
	x, err := a.peekAt(0)
	if err != nil {
		return differentStreams, err
	}
	defer x.Close()
	y, err := b.peekAt(0)
	if err != nil {
		return differentStreams, err
	}
	defer y.Close()
	return compareStreams(x, io.LimitReader(y, limit))
}

// peekAt opens a log at a place without noting what it is now. The error is
// [fs.ErrNotExist] if its name stands for another one.
func (l *logFile) peekAt(offset int64) (io.ReadCloser, error) {
	var read atomic.Int64
	now := *l
	text, err := now.openAt(&read, offset)
	if now.id != l.id {
		err = errors.Join(fs.ErrNotExist, err)
		if text != nil {
			err = errors.Join(err, text.Close())
		}
	}
	return text, err
}

// ifThere drops the error of a log that is not where it was found: it will be
// missed when it is read, and looked for.
func ifThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// How two streams compare.
const (
	differentStreams = iota
	sameStream
	firstEnds  // where the second goes on
	secondEnds // where the first goes on
)

func compareStreams(a, b io.Reader) (int, error) {
	x, y := bufio.NewReaderSize(a, blockBytes), bufio.NewReaderSize(b, blockBytes)
	for {
		p, errP := x.Peek(blockBytes)
		q, errQ := y.Peek(blockBytes)
		for _, err := range []error{errP, errQ} {
			if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
				return 0, err //nolint:wrapcheck // it will be met again when the log is read
			}
		}
		n := min(len(p), len(q))
		switch {
		case !bytes.Equal(p[:n], q[:n]):
			return differentStreams, nil
		case len(p) == len(q) && n == 0:
			return sameStream, nil
		case len(p) == n && errP != nil && len(q) > n:
			return firstEnds, nil
		case len(q) == n && errQ != nil && len(p) > n:
			return secondEnds, nil
		}
		_, _ = x.Discard(n) // what was peeked
		_, _ = y.Discard(n)
	}
}
