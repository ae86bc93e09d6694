package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"lockstep/schemas"
)

// A storedLog is a log as a store knows it. A log keeps its identity when it
// is renamed, packed or copied: that is its first bytes and the last ones
// before the place up to which it was read. Device, inode, size and time only
// save opening a log that is as it was.
type storedLog struct {
	logFile

	complete bool // all of it was read
}

// loadLogs lists the logs, those of which most was read first.
func (s *store) loadLogs(ctx context.Context) ([]storedLog, error) {
	var logs []storedLog
	for log, err := range query(ctx, s, `SELECT id, path, device, inode, size, modified_ns, head, offset, lines, tail, complete
FROM log ORDER BY offset DESC, id`, scanLog) {
		if err != nil {
			return nil, err
		}
		logs = append(logs, log)
	}
	return logs, nil
}

func scanLog(rows *sql.Rows) (storedLog, error) {
	var l storedLog
	var device, inode string // numbers that have no room in SQLite
	var modified int64
	var head, tail []byte
	err := rows.Scan(&l.stored, &l.path, &device, &inode, &l.size, &modified, &head, &l.from.Offset, &l.from.Lines, &tail, &l.complete)
	if err != nil {
		return l, err //nolint:wrapcheck // the store explains it
	}
	var errDevice, errInode error
	l.id.device, errDevice = strconv.ParseUint(device, 16, 64)
	l.id.inode, errInode = strconv.ParseUint(inode, 16, 64)
	l.head, l.from.Tail, l.modified = string(head), string(tail), time.Unix(0, modified)
	return l, errors.Join(errDevice, errInode)
}

// saveLog stores how far a log was read.
func saveLog(ctx context.Context, tx *sql.Tx, l *logFile, at position, complete bool) error {
	var id any // NULL asks for a new one
	if l.stored != 0 {
		id = l.stored
	}
	result, err := tx.ExecContext(
		ctx, "INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		id, l.path, strconv.FormatUint(l.id.device, 16), strconv.FormatUint(l.id.inode, 16), l.size, l.modified.UnixNano(),
		[]byte(l.head[:min(int64(len(l.head)), at.Offset)]), at.Offset, at.Lines, []byte(at.Tail), complete,
	)
	if err != nil {
		return err //nolint:wrapcheck // the store explains it
	}
	l.stored, err = result.LastInsertId()
	return err //nolint:wrapcheck // the store explains it
}

// resumeLog finds out how much of a log was read before. It reports whether
// all of a short log is the beginning of another: a copy, or a new log that
// has nothing yet of its own.
func resumeLog(l *logFile, known []storedLog) (isCopy bool, err error) {
	shorter := false
	for i := range known {
		k := &known[i]
		switch {
		case k.complete && k.id == l.id && k.size == l.size && k.modified.Equal(l.modified):
			l.stored, l.from, l.done = k.stored, k.from, true
			return false, nil
		case l.head != "" && len(l.head) < min(len(k.head), headBytes) && strings.HasPrefix(k.head, l.head):
			isCopy = true
		case strings.HasPrefix(l.head, k.head):
			same, err := l.continues(k.from)
			if same {
				l.resume(k)
				return false, nil
			}
			if err != nil && !errors.Is(err, io.EOF) {
				return false, err
			}
			shorter = shorter || err != nil
		}
	}
	if shorter {
		return false, schemas.Hint(fmt.Errorf("%s: more of a log that begins like it is in the store", l.path),
			"leave it out if it is an old copy; if it was rewritten, use a new store")
	}
	l.done = isCopy
	return isCopy, nil
}

// resume goes on from a known log. A second log that does so is another one.
func (l *logFile) resume(k *storedLog) {
	l.from = k.from
	if !k.done {
		l.stored, k.done = k.stored, true
	}
}

// continues reports whether the log holds at its place what was read up to
// there before; the error is [io.EOF] if the log ends before.
func (l *logFile) continues(at position) (bool, error) {
	var read atomic.Int64
	text, err := l.openAt(&read, at.Offset-int64(len(at.Tail)))
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
