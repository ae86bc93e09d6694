package migrate

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// commitAfter is after how much work a store is brought up to date: the most
// that is done again after a crash. A commit takes a fraction of a second.
const commitAfter = 10 * time.Second

// A storeKeeper keeps tallies in a store.
type storeKeeper struct {
	store  *store
	files  *Files
	opts   *Options
	f      *Fold
	places map[*logFile]position // of logs that were read since the last commit
	since  time.Time             // of that
}

// newStoreKeeper opens a store and goes on where it left off.
func newStoreKeeper(ctx context.Context, files *Files, opts *Options) (*storeKeeper, error) {
	s, err := openStore(ctx, opts.Store)
	if err != nil {
		return nil, err
	}
	k := &storeKeeper{store: s, files: files, opts: opts, f: NewFold(opts.Environment), places: map[*logFile]position{}}
	if err := errors.Join(k.refuse(), k.load(ctx)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	k.since = opts.now()
	return k, nil
}

// refuse finds logs that a store can do nothing with.
func (k *storeKeeper) refuse() error {
	info, err := os.Stat(k.opts.Store)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	id, err := idOf(k.opts.Store, info)
	for _, log := range k.files.logs {
		switch {
		case log.stdin != nil:
			return schemas.Hint(errors.New("standard input cannot be read on where it ended"), "leave --store out, or write the log to a file")
		case log.id == id:
			return schemas.Hint(fmt.Errorf("the store %s is one of the logs", k.opts.Store), "keep it in another directory")
		}
	}
	return err
}

// load reads the state of the fold and the places of the logs.
func (k *storeKeeper) load(ctx context.Context) error {
	meta, ok, err := k.store.loadMeta(ctx)
	if err != nil {
		return err
	}
	k.f.foldState = meta.State
	if err := k.bind(meta); ok && err != nil {
		return err
	}
	if k.files.known, err = k.store.loadLogs(ctx); err != nil {
		return err
	}
	return k.store.loadNodes(ctx, k.f)
}

// bind makes sure that the store was filled in the same way.
func (k *storeKeeper) bind(meta storeMeta) error {
	narrower := meta.Environment == "" && slices.Equal(meta.State.Environments, []string{k.opts.Environment})
	switch {
	case meta.Dialect != k.opts.Dialect.Identity():
		return schemas.Hint(fmt.Errorf("the store %s was filled with another dialect or mapping", k.opts.Store), "use a new store")
	case meta.Environment != k.opts.Environment && !narrower:
		return schemas.Hint(fmt.Errorf("the store %s was filled for environment %s", k.opts.Store, printable(meta.Environment)),
			"name that environment, or use another store")
	}
	return nil
}

func (k *storeKeeper) fold() *Fold { return k.f }

// note notes how far a log was read.
func (k *storeKeeper) note(b *batch) {
	if b.pause {
		return
	}
	k.places[b.block.log] = b.block.end
}

// due reports whether to commit, which happens from time to time.
func (k *storeKeeper) due() bool {
	return k.f.table.bytes >= k.opts.Memory || k.opts.now().Sub(k.since) >= commitAfter
}

// settle stores all that was folded since the last time, and how far it was read.
func (k *storeKeeper) settle(ctx context.Context) error {
	k.f.Pairing.name(k.f.callers)
	err := k.store.change(ctx, func(tx *sql.Tx) error {
		for log, at := range k.inOrder() {
			if err := saveLog(ctx, tx, log, at, storedPart); err != nil {
				return err
			}
		}
		return k.saveFold(ctx, tx)
	})
	clear(k.places)
	k.f.table.clear()
	k.since = k.opts.now()
	return err
}

// inOrder yields the logs that were read since the last commit: of two that
// are the same one under two names, the one that was read further comes last.
func (k *storeKeeper) inOrder() iter.Seq2[*logFile, position] {
	return func(yield func(*logFile, position) bool) {
		logs := slices.SortedFunc(maps.Keys(k.places), func(a, b *logFile) int {
			return cmp.Or(cmp.Compare(k.places[a].Offset, k.places[b].Offset), strings.Compare(a.path, b.path))
		})
		for _, log := range logs {
			if !yield(log, k.places[log]) {
				return
			}
		}
	}
}

func (k *storeKeeper) saveFold(ctx context.Context, tx *sql.Tx) error {
	return errors.Join(
		saveTallies(ctx, tx, k.f.table.rows(ctx)),
		saveNodes(ctx, tx, k.f.nodes),
		saveMeta(ctx, tx, storeMeta{k.opts.Dialect.Identity(), k.opts.Environment, k.f.foldState}),
	)
}

// complete commits when all logs have been read: what is as it was will not
// have to be opened the next time.
func (k *storeKeeper) complete(ctx context.Context) error {
	if err := k.settle(ctx); err != nil {
		return err
	}
	return k.store.change(ctx, func(tx *sql.Tx) error {
		for _, log := range k.files.logs {
			if log.state == logShorter { // it will be looked at anew
				continue
			}
			if err := saveLog(ctx, tx, log, log.from, log.stored()); err != nil {
				return err
			}
		}
		return nil
	})
}

func (k *storeKeeper) tallies(ctx context.Context) (tallySource, error) {
	if err := k.complete(ctx); err != nil {
		return nil, err
	}
	if len(k.opts.Beside) == 0 {
		return k.store, nil
	}
	beside := &tallySpill{memory: k.opts.Memory, table: k.f.table}
	if err := k.f.takeIn(ctx, k.opts.Beside, beside); err != nil {
		return nil, errors.Join(err, beside.Close())
	}
	return storeBeside{k.store, beside}, nil
}

func (k *storeKeeper) close() error { return k.store.Close() }
