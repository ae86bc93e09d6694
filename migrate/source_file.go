package migrate

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
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
	patterns  []string
	stdin     io.Reader
	logs      []*logFile
	known     []*knownLog            // that were read before, most of which was read first
	read      atomic.Int64           // bytes of all files so far, as they are packed
	begins    func(line string) bool // see [blockReader]
	unpackers int                    // how many packed logs are read at once; one, in order, if there is none
	pool      blockPool
}

// NewFiles finds the files that patterns match, in order of their names: `-`
// is standard input, a directory stands for all files below it that are not
// hidden. A file counts once, under however many names it is found, and so
// does a copy of it, packed or not. A pattern that matches nothing is an error.
func NewFiles(patterns []string, stdin io.Reader) (*Files, error) {
	if len(patterns) == 0 {
		return nil, schemas.Hint(errors.New("there are no logs to read"), "name them with --logs 'events-*.jsonl', or ask a log database with --from")
	}
	f := &Files{patterns: patterns, stdin: stdin}
	return f, f.find()
}

// maxLooks is how often logs are looked for until none of them moves meanwhile.
const maxLooks = 50

// find lists the logs. A rotation may be giving them other names just then, so
// it looks until what it has opened is what the names still stand for: a log
// that was there all the time is in the list, and once.
func (f *Files) find() error {
	opened := map[string]*logFile{}
	for range maxLooks {
		paths, err := f.paths()
		if err != nil {
			return err
		}
		moved, err := f.open(paths, opened)
		if err != nil {
			return err
		}
		if !moved {
			f.logs = distinctFiles(paths, opened)
			return nil
		}
	}
	return schemas.Hint(errors.New("find logs: they are given other names all the time"), "try again when no rotation is going on")
}

// paths lists the names of all files that the patterns stand for.
func (f *Files) paths() ([]string, error) {
	var found []string
	for _, pattern := range f.patterns {
		matches, err := match(pattern)
		if err != nil {
			return nil, err
		}
		found = append(found, matches...)
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// open looks at each file that is not the one that was opened under its name
// before, and reports whether there was one.
func (f *Files) open(paths []string, opened map[string]*logFile) (moved bool, err error) {
	for _, path := range paths {
		if path == "-" {
			opened[path] = f.stdinLog()
			continue
		}
		if log := opened[path]; log != nil && log.isStill(path) {
			continue
		}
		moved = true
		opened[path], err = newLogFile(path)
		if errors.Is(err, fs.ErrNotExist) && !isLink(path) {
			continue // it has gone since it was listed
		}
		if err != nil {
			return false, err
		}
	}
	return moved, nil
}

// stdinLog is standard input, which is the same each time.
func (f *Files) stdinLog() *logFile {
	for _, log := range f.logs {
		if log.stdin != nil {
			return log
		}
	}
	return &logFile{path: "-", stdin: f.stdin, row: &logRow{}}
}

// isLink reports whether there is a symbolic link: if it leads nowhere, it
// will not go away by itself.
func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// isStill reports whether a name stands for the log as it was found.
func (l *logFile) isStill(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	id, err := idOf(path, info)
	return err == nil && id == l.id && (!l.torn || info.Size() == l.size)
}

// distinctFiles drops files that stood before under another name.
func distinctFiles(paths []string, opened map[string]*logFile) []*logFile {
	var logs []*logFile
	seen := map[fileID]bool{}
	for _, path := range paths {
		log := opened[path]
		if log.stdin == nil && seen[log.id] {
			continue
		}
		seen[log.id] = true
		logs = append(logs, log)
	}
	return logs
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
