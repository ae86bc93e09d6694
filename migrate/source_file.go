package migrate

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"lockstep/schemas"
)

// Files is a [Source] of log files, plain or compressed with gzip.
type Files struct {
	paths []string
}

// NewFiles finds the files that patterns match, in order of their names and
// each file once, under however many names it is found. A pattern that
// matches nothing is an error, as is anything that is not a regular file.
func NewFiles(patterns []string) (*Files, error) {
	if len(patterns) == 0 {
		return nil, schemas.Hint(errors.New("there are no logs to read"), "name them with --logs 'events-*.jsonl'")
	}
	var found []string
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		switch {
		case err != nil:
			return nil, schemas.Hint(fmt.Errorf("logs %s: not a glob", pattern), "close every `[`")
		case len(matches) == 0:
			return nil, schemas.Hint(fmt.Errorf("logs %s: there is no such file", pattern),
				"quote the glob if the shell should not expand it")
		}
		found = append(found, matches...)
	}
	slices.Sort(found)
	paths, err := distinct(slices.Compact(found))
	return &Files{paths: paths}, err
}

// A fileID tells files apart whatever their names: device and inode.
type fileID struct{ device, inode uint64 }

// distinct drops the names of files that stood before under another name.
func distinct(paths []string) ([]string, error) {
	seen := map[fileID]bool{}
	var kept []string
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, fmt.Errorf("find logs: %w", err)
		}
		if err := checkRegular(path, info); err != nil {
			return nil, err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			return nil, fmt.Errorf("%s: this system does not number its files", path)
		}
		// The widths of both fields differ between systems.
		id := fileID{uint64(stat.Dev), uint64(stat.Ino)}
		if !seen[id] {
			seen[id] = true
			kept = append(kept, path)
		}
	}
	return kept, nil
}

func checkRegular(path string, info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return schemas.Hint(fmt.Errorf("%s: it is a directory", path), "name the files in it, as in "+filepath.Join(path, "*.jsonl"))
	case !info.Mode().IsRegular():
		return schemas.Hint(fmt.Errorf("%s: it is not a regular file", path), "copy its content to a file")
	}
	return nil
}

// Lines implements [Source].
func (f *Files) Lines(ctx context.Context) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		for _, path := range f.paths {
			if !readFile(ctx, path, yield) {
				return
			}
		}
	}
}

// readFile yields the lines of one file; false means to stop.
func readFile(ctx context.Context, path string, yield func(Line, error) bool) bool {
	// Without O_NONBLOCK, opening a FIFO that took the place of a file would wait.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return yield(Line{}, fmt.Errorf("read logs: %w", err))
	}
	defer file.Close()
	info, err := file.Stat()
	if err == nil {
		err = checkRegular(path, info)
	}
	if err != nil {
		return yield(Line{}, err)
	}
	text, err := decompress(file)
	if err != nil {
		return yield(Line{}, fmt.Errorf("read %s: %w", path, err))
	}
	return readLines(ctx, path, text, yield)
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

// decompress looks at the first bytes, as rotated files have all sorts of names.
func decompress(r io.Reader) (*bufio.Reader, error) {
	text := bufio.NewReaderSize(r, 64<<10)
	magic, err := text.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	switch {
	case bytes.HasPrefix(magic, []byte{0x1f, 0x8b}): // RFC 1952, section 2.3.1
		inflated, err := gzip.NewReader(text)
		if err != nil {
			return nil, err //nolint:wrapcheck // the caller names the file
		}
		return bufio.NewReaderSize(inflated, 64<<10), nil
	case bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}): // RFC 8878, section 3.1.1
		return nil, schemas.Hint(errors.New("zstd is not supported, only plain text and gzip are"),
			"unpack it with `zstd -d`")
	}
	return text, nil
}
