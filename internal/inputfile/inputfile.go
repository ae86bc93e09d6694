// Package inputfile reads the small files that configs name: documents, keys
// and certificates.
package inputfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"lockstep/schemas"
)

// Limit is the size in bytes up to which a file is read.
const Limit = 4 << 20

// ErrDirectory says that a directory stands where a file is expected.
var ErrDirectory = errors.New("it is a directory")

// errOutside says that a file is not where files may be read from.
var errOutside = errors.New("it lies outside of the directory that files are read from")

// errChanging says that no moment was found in which a file was whole.
var errChanging = errors.New("it is written to all the time")

// Read returns the content of a regular file of at most [Limit] bytes, or of
// one that a symbolic link leads to, as it was at one moment. A name can be anything that a config
// says, so a FIFO or a device is refused instead of waited for.
func Read(path string) ([]byte, error) { return read(path, os.Stat, os.OpenFile) }

// ReadBelow is [Read] for a file that has to lie below dir, symbolic links
// followed. A relative path is taken from dir.
func ReadBelow(dir, path string) (data []byte, err error) {
	err = below(dir, path, func(root *os.Root, path string) error {
		data, err = read(path, root.Stat, root.OpenFile)
		return err
	})
	return data, err
}

// StatBelow describes a file that [ReadBelow] reads.
func StatBelow(dir, path string) (info fs.FileInfo, err error) {
	err = below(dir, path, func(root *os.Root, path string) error {
		info, err = root.Stat(path)
		return Bare(err)
	})
	return info, err
}

// below calls use with dir as a root, and path as seen from there.
func below(dir, path string, use func(root *os.Root, path string) error) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Bare(err)
	}
	defer root.Close()
	if filepath.IsAbs(path) {
		if path, err = relative(dir, path); err != nil {
			return err
		}
	}
	if !filepath.IsLocal(path) {
		return errOutside
	}
	return use(root, path)
}

// relative is an absolute path as seen from dir.
func relative(dir, path string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		path, err = filepath.Rel(dir, path)
	}
	if err != nil {
		return "", errOutside
	}
	return path, nil
}

// maxTries is how often a file is read that is written meanwhile.
const maxTries = 5

// The two ways to look at a path and to open it: anywhere, or below a root.
type (
	statFunc func(path string) (fs.FileInfo, error)
	openFunc func(path string, flag int, mode fs.FileMode) (*os.File, error)
)

// read reads a file until nobody has written to it in between.
func read(path string, stat statFunc, open openFunc) ([]byte, error) {
	for range maxTries {
		data, whole, err := readOnce(path, stat, open)
		if err != nil || whole {
			return data, err
		}
	}
	return nil, schemas.Hint(errChanging, "write a new file and rename it over this one")
}

// readOnce reads through one descriptor, so all of it is of one file. It is
// whole if size and time of change are the same before and after.
func readOnce(path string, stat statFunc, open openFunc) (data []byte, whole bool, err error) {
	f, before, err := openRegular(path, stat, open)
	if err != nil {
		return nil, false, Bare(err)
	}
	defer f.Close()
	if data, err = readLimited(f, before.Size()); err != nil {
		return nil, false, err
	}
	after, err := f.Stat()
	if err != nil {
		return nil, false, Bare(err)
	}
	return data, before.Size() == after.Size() && before.ModTime().Equal(after.ModTime()), nil
}

func openRegular(path string, stat statFunc, open openFunc) (*os.File, fs.FileInfo, error) {
	// A device may act on being opened, so look before.
	info, err := stat(path)
	if err == nil {
		err = check(info)
	}
	if err != nil {
		return nil, nil, err
	}
	// And again after: by now the path may lead to a FIFO, where opening
	// without O_NONBLOCK would wait for a writer.
	f, err := open(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err == nil {
		err = check(info)
	}
	if err != nil {
		_ = f.Close() // nothing was written
		return nil, nil, err
	}
	return f, info, nil
}

func check(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return schemas.Hint(ErrDirectory, "name a file in it")
	case !info.Mode().IsRegular():
		return schemas.Hint(errors.New("it is not a regular file"), "copy its content to a file")
	}
	return nil
}

// readLimited does not trust the size that a file claims to have, as it may
// grow, but makes room for it and for the look whether there is more.
func readLimited(r io.Reader, size int64) ([]byte, error) {
	var data bytes.Buffer
	data.Grow(int(min(size, Limit)) + bytes.MinRead)
	_, err := data.ReadFrom(io.LimitReader(r, Limit+1))
	switch {
	case err != nil:
		return nil, Bare(err)
	case data.Len() > Limit:
		return nil, schemas.Hint(fmt.Errorf("it is larger than %d MiB", Limit>>20), "check that this is the right file")
	}
	return data.Bytes(), nil
}

// Bare drops operation and path from an error of the os package: callers name
// the path themselves, once.
func Bare(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	if l, ok := errors.AsType[*os.LinkError](err); ok {
		return l.Err
	}
	return err
}
