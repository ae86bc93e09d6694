package migrate

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// storeMeta is what a store is bound to, and the state of its fold.
type storeMeta struct {
	Dialect     string // see [Dialect.Identity]
	Environment string // as it was asked for
	State       foldState
}

// loadMeta reads the state; ok is false if the store is new.
func (s *store) loadMeta(ctx context.Context) (meta storeMeta, ok bool, err error) {
	var text []byte
	err = s.db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'state'").Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return meta, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &meta)
	}
	meta.State.Coverage.Unfinished = 0 // that was another time
	return meta, err == nil, s.explain(ctx, err)
}

func saveMeta(ctx context.Context, tx *sql.Tx, meta storeMeta) error {
	return saveJSON(ctx, tx, "INSERT OR REPLACE INTO meta VALUES (?, ?)", "state", meta)
}

func saveJSON(ctx context.Context, tx *sql.Tx, statement, name string, value any) error {
	text, err := json.Marshal(value)
	if err == nil {
		_, err = tx.ExecContext(ctx, statement, name, string(text))
	}
	return err //nolint:wrapcheck // the store explains it
}

// loadNodes reads all nodes, with the numbers seen of each of their boots.
func (s *store) loadNodes(ctx context.Context, f *Fold) error {
	scanNode := func(rows *sql.Rows) (none struct{}, err error) {
		var name string
		var state []byte
		if err := rows.Scan(&name, &state); err != nil {
			return none, err //nolint:wrapcheck // the store explains it
		}
		return none, json.Unmarshal(state, &f.node(name).nodeState)
	}
	for _, err := range query(ctx, s, "SELECT name, state FROM node", scanNode) {
		if err != nil {
			return err
		}
	}
	scanSeen := func(rows *sql.Rows) (none struct{}, err error) {
		var node, boot string
		var number uint64
		var blob []byte
		if err := rows.Scan(&node, &boot, &number, &blob); err != nil {
			return none, err //nolint:wrapcheck // the store explains it
		}
		runs, err := decodeRuns(blob)
		f.boot(f.node(node), boot)[number] = &chunk{runs: runs}
		f.fixed += int64(len(runs)) * runBytes
		return none, err
	}
	for _, err := range query(ctx, s, "SELECT node, boot, chunk, runs FROM seen", scanSeen) {
		if err != nil {
			return err
		}
	}
	return nil
}

// saveNodes stores what has changed of the nodes.
func saveNodes(ctx context.Context, tx *sql.Tx, nodes map[string]*nodeFold) error {
	for name, node := range nodes {
		if !node.dirty {
			continue
		}
		if err := saveJSON(ctx, tx, "INSERT OR REPLACE INTO node VALUES (?, ?)", name, node.nodeState); err != nil {
			return err
		}
		for boot, sequence := range node.boots {
			if err := saveSequence(ctx, tx, name, boot, sequence); err != nil {
				return err
			}
		}
		node.dirty = false
	}
	return nil
}

func saveSequence(ctx context.Context, tx *sql.Tx, node, boot string, s sequence) error {
	for number, c := range s {
		if !c.dirty {
			continue
		}
		_, err := tx.ExecContext(ctx, "INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?)", node, boot, int64(number), encodeRuns(c.runs)) //nolint:gosec // 12 bits are gone
		if err != nil {
			return err //nolint:wrapcheck // the store explains it
		}
		c.dirty = false
	}
	return nil
}

func encodeRuns(runs []run) []byte {
	var blob []byte
	for _, r := range runs {
		blob = binary.AppendUvarint(blob, r.first)
		blob = binary.AppendUvarint(blob, r.last)
		blob = binary.AppendVarint(blob, r.firstMS)
		blob = binary.AppendVarint(blob, r.lastMS)
	}
	return blob
}

func decodeRuns(blob []byte) ([]run, error) {
	in := numbers{rest: blob}
	var runs []run
	for len(in.rest) > 0 && !in.broken {
		runs = append(runs, run{first: in.unsigned(), last: in.unsigned(), firstMS: in.signed(), lastMS: in.signed()})
	}
	if in.broken {
		return nil, fmt.Errorf("the numbers seen are broken")
	}
	return runs, nil
}

// numbers decodes one number after the other.
type numbers struct {
	rest   []byte
	broken bool
}

func (d *numbers) unsigned() uint64 {
	n, width := binary.Uvarint(d.rest)
	d.skip(width)
	return n
}

func (d *numbers) signed() int64 {
	n, width := binary.Varint(d.rest)
	d.skip(width)
	return n
}

func (d *numbers) skip(width int) {
	if width <= 0 {
		d.broken = true
		return
	}
	d.rest = d.rest[width:]
}
