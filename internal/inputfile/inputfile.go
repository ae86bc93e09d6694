// Package inputfile reads the small files that configs name: documents, keys
// and certificates.
package inputfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"lockstep/schemas"
)

// Limit is the size in bytes up to which a file is read.
const Limit = 4 << 20

// Read returns the content of a regular file of at most [Limit] bytes, or of
// one that a symbolic link leads to. A name can be anything that a config
// says, so a FIFO or a device is refused instead of waited for.
func Read(path string) ([]byte, error) {
	// Without O_NONBLOCK, opening a FIFO waits for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, bare(err)
	case info.IsDir():
		return nil, schemas.Hint(errors.New("it is a directory"), "name a file in it")
	case !info.Mode().IsRegular():
		return nil, schemas.Hint(errors.New("it is not a regular file"), "copy its content to a file")
	}
	return readLimited(f)
}

// readLimited does not trust the size that a file claims to have, as it may grow.
func readLimited(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, Limit+1))
	switch {
	case err != nil:
		return nil, bare(err)
	case len(data) > Limit:
		return nil, schemas.Hint(fmt.Errorf("it is larger than %d MiB", Limit>>20), "check that this is the right file")
	}
	return data, nil
}

// bare drops operation and path from an error of the os package: callers
// name the path themselves, once.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}
