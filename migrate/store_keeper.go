package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"lockstep/schemas"
)

// commitBytes is after how many bytes of lines a store is brought up to date:
// the most that is read again after a crash.
const commitBytes = 256 << 20

// A storeKeeper keeps tallies in a store.
type storeKeeper struct {
	store  *store
	files  *Files
	opts   *Options
	f      *Fold
	places map[*logFile]position // of logs that were read since the last commit
	bytes  int64                 // of lines since then
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
	known, err := k.store.loadLogs(ctx)
	if err != nil {
		return err
	}
	for _, log := range k.files.logs {
		isCopy, err := resumeLog(log, known)
		if err != nil {
			return err
		}
		if isCopy {
			k.files.copies++
		}
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

func (k *storeKeeper) note(b *batch) {
	if b.pause {
		return
	}
	k.places[b.block.log] = b.block.end
	k.bytes += int64(len(b.block.Text))
}

// due reports whether to commit, which happens from time to time.
func (k *storeKeeper) due() bool {
	return k.bytes >= k.opts.commitBytes || k.f.table.bytes >= k.opts.Memory
}

func (k *storeKeeper) settle(ctx context.Context) error { return k.commit(ctx, false) }

// commit stores all that was folded since the last time.
func (k *storeKeeper) commit(ctx context.Context, complete bool) error {
	k.f.Pairing.name(k.f.callers)
	err := k.store.change(ctx, func(tx *sql.Tx) error {
		for _, log := range k.files.logs {
			if at, ok := k.places[log]; ok || complete {
				if !ok {
					at = log.from
				}
				if err := saveLog(ctx, tx, log, at, complete); err != nil {
					return err
				}
			}
		}
		return errors.Join(
			saveTallies(ctx, tx, k.f.table.rows(ctx)),
			saveNodes(ctx, tx, k.f.nodes),
			saveMeta(ctx, tx, storeMeta{k.opts.Dialect.Identity(), k.opts.Environment, k.f.foldState}),
		)
	})
	for log, at := range maps.All(k.places) {
		log.from = at
	}
	clear(k.places)
	k.f.table.clear()
	k.bytes = 0
	return err
}

func (k *storeKeeper) tallies(ctx context.Context) (tallySource, error) {
	if err := k.commit(ctx, true); err != nil {
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
