package migrate

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"
)

// A logRow is a log's number in a store; 0 if it has none yet.
type logRow struct{ number int64 }

// How much of a log a store has.
const (
	storedPart = iota
	storedWhole
	storedCopy // another log has all of it
)

// stored says how much of a log a store has when all has been read. Of a copy
// it has what it has of the other one, which may have grown before it was made.
func (l *logFile) stored() int {
	switch {
	case l.state == logRead:
		return storedWhole
	case l.state == logCopy && (l.of == nil || l.of.kept || l.of.ended):
		return storedCopy
	}
	return storedPart
}

// loadLogs lists the logs, those of which most was read first.
func (s *store) loadLogs(ctx context.Context) ([]*knownLog, error) {
	var logs []*knownLog
	for log, err := range query(ctx, s, `SELECT id, path, device, inode, size, modified_ns, head, offset, lines, tail, complete
FROM log ORDER BY offset DESC, id`, scanLog) {
		if err != nil {
			return nil, err
		}
		logs = append(logs, log)
	}
	return logs, nil
}

func scanLog(rows *sql.Rows) (*knownLog, error) {
	l := &knownLog{logFile: logFile{row: &logRow{}}}
	var complete int
	var device, inode string // numbers that have no room in SQLite
	var modified int64
	var head, tail []byte
	err := rows.Scan(&l.row.number, &l.path, &device, &inode, &l.size, &modified, &head, &l.from.Offset, &l.from.Lines, &tail, &complete)
	if err != nil {
		return l, err //nolint:wrapcheck // the store explains it
	}
	var errDevice, errInode error
	l.id.device, errDevice = strconv.ParseUint(device, 16, 64)
	l.id.inode, errInode = strconv.ParseUint(inode, 16, 64)
	l.head, l.from.Tail, l.modified = string(head), string(tail), time.Unix(0, modified)
	if l.complete = complete != storedPart; l.complete {
		l.state = logRead
	}
	if complete == storedCopy {
		l.state = logCopy
	}
	return l, errors.Join(errDevice, errInode)
}

// saveLog stores how far a log was read.
func saveLog(ctx context.Context, tx *sql.Tx, l *logFile, at position, complete int) error {
	var id any // NULL asks for a new one
	if l.row.number != 0 {
		id = l.row.number
	}
	result, err := tx.ExecContext(
		ctx, "INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		id, l.path, strconv.FormatUint(l.id.device, 16), strconv.FormatUint(l.id.inode, 16), l.size, l.modified.UnixNano(),
		[]byte(l.head[:min(int64(len(l.head)), at.Offset)]), at.Offset, at.Lines, []byte(at.Tail), complete,
	)
	if err != nil {
		return err //nolint:wrapcheck // the store explains it
	}
	l.row.number, err = result.LastInsertId()
	return err //nolint:wrapcheck // the store explains it
}
