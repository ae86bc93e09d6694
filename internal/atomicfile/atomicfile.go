// Package atomicfile replaces files as a whole: a reader, and a machine that
// loses power, sees the old content or the new, never a part.
package atomicfile

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Write makes data the content of the file at path. See [Create].
func Write(path string, data []byte, perm fs.FileMode) error {
	return Create(path, perm, func(to io.Writer) error {
		_, err := to.Write(data)
		return err //nolint:wrapcheck // it says what failed
	})
}

// Create makes what write writes the content of the file at path. A new file
// gets perm (before umask), as from [os.WriteFile]; an existing one keeps its
// mode and, as far as the process may, its owner. Where path is a symbolic link, the
// link stays and the file it leads to is replaced; hard links are cut.
//
// The directory has to be writable. An error names the step that failed, not
// path, or is that of write, and leaves the old file in place and nothing
// beside it; only where flushing the directory fails, the new content is
// there, but may not survive a loss of power.
func Create(path string, perm fs.FileMode, write func(io.Writer) error) error {
	target, err := follow(path)
	if err != nil {
		return err
	}
	old, err := os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return replace(target, write, perm, nil)
	case err != nil:
		return step("look at the file", err)
	case !old.Mode().IsRegular():
		return errors.New("it is not a regular file")
	default:
		return replace(target, write, perm, old)
	}
}

// replace puts a new file in the place of target; old is nil if there is none.
func replace(target string, write func(io.Writer) error, perm fs.FileMode, old fs.FileInfo) error {
	if old != nil {
		perm = 0o600 // until it has the owner of the old one
	}
	dir := filepath.Dir(target)
	temp := filepath.Join(dir, ".lockstep-"+rand.Text())
	file, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return step("create a file beside it", err)
	}
	err = fill(file, write, old)
	if closeErr := file.Close(); err == nil && closeErr != nil {
		err = step("write the new content", closeErr)
	}
	if err == nil {
		err = step("replace the file", os.Rename(temp, target))
	}
	if err != nil {
		return errors.Join(err, step("remove "+temp, os.Remove(temp)))
	}
	return SyncDir(dir)
}

// fill writes a new file down to the disk and makes it look like the old one.
func fill(file *os.File, write func(io.Writer) error, old fs.FileInfo) error {
	if err := write(content{file}); err != nil {
		return err
	}
	if old != nil {
		keepOwner(file, old)
		// In this order, as a change of owner may drop bits of the mode.
		if err := file.Chmod(old.Mode().Perm()); err != nil {
			return step("keep the mode", err)
		}
	}
	return step("flush the new content", file.Sync())
}

// content is a file that is being written.
type content struct{ file *os.File }

// Write implements [io.Writer].
func (c content) Write(p []byte) (int, error) {
	n, err := c.file.Write(p)
	return n, step("write the new content", err)
}

// keepOwner gives a file the owner and group of another, or at least the
// group: only root may give a file away, and others only to a group of their
// own. Failing both the file belongs to the process.
func keepOwner(file *os.File, old fs.FileInfo) {
	stat, ok := old.Sys().(*syscall.Stat_t)
	if !ok {
		return
	}
	if err := file.Chown(int(stat.Uid), int(stat.Gid)); err != nil {
		_ = file.Chown(-1, int(stat.Gid))
	}
}

// SyncDir makes the names in a directory durable, such as one that a rename
// has changed. Some file systems cannot flush a directory, and say so: there is
// nothing more to do then. Like those of [Write] its errors do not name dir.
func SyncDir(dir string) error {
	handle, err := os.Open(dir)
	if err != nil {
		return step("flush the directory", err)
	}
	defer handle.Close()
	err = handle.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return step("flush the directory", err)
}

// step says what failed, in place of the paths that the os package names: one
// is temporary, the other the caller knows. A nil err stays nil.
func step(what string, err error) error {
	if err == nil {
		return nil
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if linkErr, ok := errors.AsType[*os.LinkError](err); ok {
		err = linkErr.Err
	}
	return fmt.Errorf("%s: %w", what, err)
}
