package apollotest

import (
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// A logFile is a log that begins anew each day: what was is packed beside it
// as NAME.yyyy-MM-dd.0.gz. Unlike Apollo's it keeps more than seven days.
type logFile struct {
	path string
	zone *time.Location

	mu   sync.Mutex
	day  string
	file *os.File
	err  error // the first one
}

func newLogFile(dir, name string, zone *time.Location) (*logFile, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // of a test
		return nil, fmt.Errorf("make a directory for logs: %w", err)
	}
	f := &logFile{path: filepath.Join(dir, name), zone: zone}
	var err error
	f.file, err = os.Create(f.path)
	return f, err //nolint:wrapcheck // it names the file
}

// write adds a line; what fails is told by [logFile.close].
func (f *logFile) write(at time.Time, text string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	day := at.In(f.zone).Format(time.DateOnly)
	if f.day != "" && f.day != day {
		f.err = errors.Join(f.err, f.rotate())
	}
	f.day = day
	_, err := f.file.WriteString(text)
	f.err = errors.Join(f.err, err)
}

// rotate packs what there is and begins a new file.
func (f *logFile) rotate() error {
	err := errors.Join(f.file.Close(), pack(f.path, f.path+"."+f.day+".0.gz"))
	if err != nil {
		return err
	}
	f.file, err = os.Create(f.path)
	return err //nolint:wrapcheck // it names the file
}

// pack moves a file into a gzip.
func pack(from, to string) error {
	text, err := os.ReadFile(from) //nolint:gosec // of a test
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	file, err := os.Create(to) //nolint:gosec // of a test
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	packed := gzip.NewWriter(file)
	_, err = packed.Write(text)
	return errors.Join(err, packed.Close(), file.Close(), os.Remove(from))
}

func (f *logFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.err, f.file.Close())
}
