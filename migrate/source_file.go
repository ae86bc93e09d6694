package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"

	"lockstep/schemas"
)

// Files is a [Source] of log files, plain or packed with gzip or zstd, and of
// standard input. Its zero value has none.
type Files struct {
	logs   []*logFile
	copies int
	read   atomic.Int64           // bytes of all files so far, as they are packed
	begins func(line string) bool // see [blockReader]
	pool   blockPool
}

// NewFiles finds the files that patterns match, in order of their names: `-`
// is standard input, a directory stands for all files below it that are not
// hidden. A file counts once, under however many names it is found, and so
// does a copy of it, packed or not. A pattern that matches nothing is an error.
func NewFiles(patterns []string, stdin io.Reader) (*Files, error) {
	if len(patterns) == 0 {
		return nil, schemas.Hint(errors.New("there are no logs to read"), "name them with --logs 'events-*.jsonl', or ask a log database with --from")
	}
	var found []string
	for _, pattern := range patterns {
		matches, err := match(pattern)
		if err != nil {
			return nil, err
		}
		found = append(found, matches...)
	}
	slices.Sort(found)
	f := &Files{}
	if err := f.add(slices.Compact(found), stdin); err != nil {
		return nil, err
	}
	return f, f.leaveOutCopies()
}

// match lists the files that a pattern stands for.
func match(pattern string) ([]string, error) {
	if pattern == "-" {
		return []string{pattern}, nil
	}
	matches, err := filepath.Glob(pattern)
	switch {
	case err != nil:
		return nil, schemas.Hint(fmt.Errorf("logs %s: not a glob", pattern), "close every `[`")
	case len(matches) == 0:
		return nil, schemas.Hint(fmt.Errorf("logs %s: there is no such file", pattern),
			"quote the glob if the shell should not expand it")
	}
	var files []string
	for _, path := range matches {
		below, err := walk(path)
		if err != nil {
			return nil, fmt.Errorf("find logs: %w", err)
		}
		files = append(files, below...)
	}
	if len(files) == 0 {
		return nil, schemas.Hint(fmt.Errorf("logs %s: there is no file in it", pattern), "hidden files have to be named")
	}
	return files, nil
}

// walk lists the files below a directory, or the file itself.
func walk(root string) ([]string, error) {
	info, err := os.Stat(root)
	if err != nil || !info.IsDir() {
		return []string{root}, err //nolint:wrapcheck // the caller says what is looked for
	}
	var files []string
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		hidden := path != root && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && hidden:
			return fs.SkipDir
		case !entry.IsDir() && !hidden:
			files = append(files, path)
		}
		return nil
	})
	return files, err //nolint:wrapcheck // the caller says what is looked for
}

// add looks at each file, and drops those that stood before under another name.
func (f *Files) add(paths []string, stdin io.Reader) error {
	seen := map[fileID]bool{}
	for _, path := range paths {
		if path == "-" {
			f.logs = append(f.logs, &logFile{path: path, stdin: stdin})
			continue
		}
		log, err := newLogFile(path)
		if err != nil {
			return err
		}
		if !seen[log.id] {
			seen[log.id] = true
			f.logs = append(f.logs, log)
		}
	}
	return nil
}

// A fileID tells files apart whatever their names: device and inode.
type fileID struct{ device, inode uint64 }

func idOf(path string, info fs.FileInfo) (fileID, error) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}, fmt.Errorf("%s: this system does not number its files", path)
	}
	// The widths of both fields differ between systems.
	return fileID{uint64(stat.Dev), uint64(stat.Ino)}, nil
}

// Size is how many bytes there are to read, as they are packed; of standard
// input nobody knows.
func (f *Files) Size() int64 {
	var size int64
	for _, log := range f.logs {
		size += log.size
	}
	return size
}

// cutAt has blocks end where a record of the dialect does.
func (f *Files) cutAt(d Dialect) {
	if records, ok := d.(RecordDialect); ok {
		f.begins = records.Begins
	}
}

// Blocks implements [Source].
func (f *Files) Blocks(ctx context.Context) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		for _, log := range f.logs {
			if !f.readLog(ctx, log, yield) {
				return
			}
		}
	}
}

// readLog yields the blocks of one log; false means to stop.
func (f *Files) readLog(ctx context.Context, log *logFile, yield func(Block, error) bool) bool {
	if log.done {
		f.read.Add(log.size)
		return true
	}
	text, err := log.openAt(&f.read, log.from.Offset)
	if err != nil {
		return yield(Block{}, err)
	}
	defer text.Close()
	reader := blockReader{in: text, pool: &f.pool, at: log.from, begins: f.begins}
	for {
		block, err := reader.next()
		if errors.Is(err, io.EOF) {
			return true
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return yield(Block{}, fmt.Errorf("read %s: %w", log.path, err))
		}
		block.File, block.log = log.path, log
		if !yield(block, nil) {
			return false
		}
	}
}

// readRegular reads a file whole, of whatever size: a FIFO or a device is
// refused instead of waited for. The error is a [*fs.PathError].
func readRegular(path string) ([]byte, error) {
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what is read
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "read", Path: path, Err: errors.New("it is not a regular file")}
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what is read
	}
	return io.ReadAll(file) //nolint:wrapcheck // the caller says what is read
}
