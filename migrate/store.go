package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"lockstep/schemas"
)

// storeVersion is the format of a store, as its user_version.
const storeVersion = 1

// A store is an SQLite file that keeps what has been folded so far together
// with the places up to which logs were read. Both change in one transaction,
// so that a crash at any moment neither loses a line nor counts one twice.
type store struct {
	db   *sql.DB
	path string
}

// storeTables has the columns of a tally in the order of its rows, so that
// the primary key yields them in order.
const storeTables = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally (
	subject TEXT, client TEXT, how TEXT, outcome TEXT, reason TEXT, day TEXT, node TEXT, environment TEXT,
	count INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, hours INTEGER NOT NULL,
	PRIMARY KEY (subject, client, how, outcome, reason, day, node, environment)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS node (name TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (node TEXT, boot TEXT, chunk INTEGER, runs BLOB NOT NULL, PRIMARY KEY (node, boot, chunk)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log (
	id INTEGER PRIMARY KEY, path TEXT NOT NULL, device TEXT NOT NULL, inode TEXT NOT NULL, size INTEGER NOT NULL,
	modified_ns INTEGER NOT NULL, head BLOB NOT NULL, offset INTEGER NOT NULL, lines INTEGER NOT NULL, tail BLOB NOT NULL,
	complete INTEGER NOT NULL
);
PRAGMA user_version = 1;`

// openStore opens a store, a new one if the file is not there, and keeps
// others out until it is closed.
func openStore(ctx context.Context, path string) (*store, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	name := url.URL{Scheme: "file", Path: absolute, RawQuery: url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(1000)", "locking_mode(EXCLUSIVE)", "journal_mode(WAL)", "synchronous(FULL)"},
	}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	db.SetMaxOpenConns(1) // the lock belongs to a connection
	s := &store{db: db, path: path}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(s.explain(ctx, err), db.Close())
	}
	return s, nil
}

// prepare makes sure that the file is a store of this version.
func (s *store) prepare(ctx context.Context) error {
	var version, tables int
	row := s.db.QueryRowContext(ctx, "SELECT user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_user_version")
	if err := row.Scan(&version, &tables); err != nil {
		return err //nolint:wrapcheck // the caller explains it
	}
	if version != storeVersion && (version != 0 || tables != 0) {
		return schemas.Hint(errors.New("it is a database of something else, or of another version of lockstep"), "name a new file")
	}
	return s.change(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, storeTables)
		return err
	})
}

// change does all of what do does, or nothing.
func (s *store) change(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return s.explain(ctx, err)
	}
	if err := do(tx); err != nil {
		return s.explain(ctx, errors.Join(err, tx.Rollback()))
	}
	return s.explain(ctx, tx.Commit())
}

// explain words the errors of SQLite that a person can do something about. If
// the context has ended that is the reason, whatever became of the statement.
func (s *store) explain(ctx context.Context, err error) error {
	fault, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("store %s: %w", s.path, ctx.Err())
	case ok && fault.Code()&0xff == sqlite3.SQLITE_BUSY:
		return schemas.Hint(fmt.Errorf("store %s: another process uses it", s.path), "wait for it, or name another file")
	case ok && fault.Code()&0xff == sqlite3.SQLITE_NOTADB:
		return schemas.Hint(fmt.Errorf("store %s: it is no store", s.path), "name a new file")
	case ok && (fault.Code()&0xff == sqlite3.SQLITE_CANTOPEN || fault.Code()&0xff == sqlite3.SQLITE_READONLY):
		return schemas.Hint(fmt.Errorf("store %s: it cannot be opened and written", s.path),
			"name a file, in a directory that is there, and let this user write to both")
	}
	return fmt.Errorf("store %s: %w", s.path, err)
}

// query yields the rows of a query; scan reads one.
func query[T any](ctx context.Context, s *store, text string, scan func(*sql.Rows) (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		rows, err := s.db.QueryContext(ctx, text)
		if err != nil {
			yield(none, s.explain(ctx, err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			value, err := scan(rows)
			if !yield(value, s.explain(ctx, err)) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(none, s.explain(ctx, err))
		}
	}
}

// Close implements [tallySource].
func (s *store) Close() error { return s.explain(context.Background(), s.db.Close()) }
