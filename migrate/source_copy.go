package migrate

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
)

// leaveOutCopies drops logs all of whose lines another log begins with: the
// copy that a rotation left behind, packed or not, whole or not. Only logs
// with the same first bytes are compared, and those to their end.
func (f *Files) leaveOutCopies() error {
	logs := slices.Clone(f.logs)
	slices.SortStableFunc(logs, func(a, b *logFile) int { return strings.Compare(a.head, b.head) })
	dropped := map[*logFile]bool{}
	var open []*logFile // logs whose first bytes the current one has as well
	for _, log := range logs {
		open = slices.DeleteFunc(open, func(l *logFile) bool { return !strings.HasPrefix(log.head, l.head) })
		for _, other := range open {
			less, err := lesser(log, other)
			if err != nil {
				return err
			}
			if less != nil {
				dropped[less] = true
			}
		}
		open = slices.DeleteFunc(open, func(l *logFile) bool { return dropped[l] })
		if log.stdin == nil && log.head != "" && !dropped[log] {
			open = append(open, log)
		}
	}
	f.copies = len(dropped)
	f.logs = slices.DeleteFunc(f.logs, func(l *logFile) bool { return dropped[l] })
	return nil
}

// lesser returns the one of two logs that the other begins with; a if they are
// the same, nil if they differ. The first bytes of b are those of a.
func lesser(a, b *logFile) (*logFile, error) {
	if len(b.head) < headBytes { // that is all of it
		if a.head == b.head {
			return a, nil
		}
		return b, nil
	}
	var read atomic.Int64
	x, err := a.open(&read)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	y, err := b.open(&read)
	if err != nil {
		return nil, err
	}
	defer y.Close()
	switch c, err := compareStreams(x, y); {
	case err != nil:
		return nil, err
	case c == sameStream, c == firstEnds:
		return a, nil
	case c == secondEnds:
		return b, nil
	}
	return nil, nil //nolint:nilnil // they differ
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
			if err != nil && !errors.Is(err, io.EOF) {
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
