package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/internal/atomicfile"
	"lockstep/schemas"
)

// write puts entries, which end the chain already, on the disk. What a crash
// cut short goes first. It returns once the bytes are durable, as what they
// announce is done next.
func (j *Journal) write(entries []schemas.JournalEntry) error {
	var text bytes.Buffer
	if j.open {
		text.WriteByte('\n')
	}
	for i := range entries {
		line, err := entries[i].Line()
		if err != nil {
			return fmt.Errorf("write journal: %w", err)
		}
		text.Write(line)
	}
	file, err := os.OpenFile(j.path, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	err = appendAt(file, j.whole, text.Bytes())
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if err := atomicfile.SyncDir(filepath.Dir(j.path)); err != nil {
		return fmt.Errorf("write journal %s: %w", j.path, err)
	}
	return nil
}

func appendAt(file *os.File, size int64, text []byte) error {
	if err := file.Truncate(size); err != nil {
		return err //nolint:wrapcheck // the caller names the journal
	}
	if _, err := file.WriteAt(text, size); err != nil {
		return err //nolint:wrapcheck // the caller names the journal
	}
	return file.Sync() //nolint:wrapcheck // the caller names the journal
}

// writable reports why the journal could not be continued, without touching
// it. One that does not exist is fine.
func (j *Journal) writable() error {
	file, err := os.OpenFile(j.path, os.O_WRONLY, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("write journal: %w", err)
	}
	return file.Close() //nolint:wrapcheck // nothing was written
}

// setAside renames the journal, so that a new one can begin, and returns the
// new name. There may be nothing to rename.
func (j *Journal) setAside(now time.Time) (string, error) {
	stem := strings.TrimSuffix(j.path, ".jsonl") + ".broken-" + now.UTC().Format("20060102T150405Z")
	name := stem + ".jsonl"
	for n := 2; exists(name); n++ {
		name = fmt.Sprintf("%s-%d.jsonl", stem, n)
	}
	err := os.Rename(j.path, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("set the broken journal aside: %w", err)
	}
	return name, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
