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
	// A device may act on being opened, so look before.
	info, err := os.Stat(path)
	if err == nil {
		err = check(info)
	}
	if err != nil {
		return nil, bare(err)
	}
	// And again after: by now the path may lead to a FIFO, where opening
	// without O_NONBLOCK would wait for a writer.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	if info, err = f.Stat(); err == nil {
		err = check(info)
	}
	if err != nil {
		return nil, bare(err)
	}
	return readLimited(f)
}

func check(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return schemas.Hint(errors.New("it is a directory"), "name a file in it")
	case !info.Mode().IsRegular():
		return schemas.Hint(errors.New("it is not a regular file"), "copy its content to a file")
	}
	return nil
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
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}
