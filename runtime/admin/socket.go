package admin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// A socket is a Unix socket that only its owner can open.
type socket struct {
	*net.UnixListener
	path string
	info fs.FileInfo
}

// ErrTaken says that another process listens at the address.
var ErrTaken = errors.New("another process listens there")

// maxPath is how long the path of a Unix socket may be on Linux.
const maxPath = 107

// listenUnix opens a socket at path. One that a killed process has left is
// replaced; whatever else is there stays, and is an error.
func listenUnix(ctx context.Context, path string) (*socket, error) {
	if path == "" {
		return nil, schemas.Hint(errors.New("the path is missing"), "write it as in unix:/run/lockstep.sock")
	}
	// It gets its rights in a directory that nobody else can enter, and only
	// then its name: at no moment can others open it.
	dir := filepath.Join(filepath.Dir(path), ".ctl-"+rand.Text()[:8])
	if max(len(path), len(dir)+len("/s")) > maxPath {
		return nil, schemas.Hint(errors.New("the path is too long for a socket"), "use a shorter one, such as one in /run")
	}
	if err := makeRoom(ctx, path); err != nil {
		return nil, err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, schemas.Hint(inputfile.Bare(err), "the directory has to be there, and this user has to be able to write to it")
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is empty, or the error is told
	s, err := bind(ctx, filepath.Join(dir, "s"))
	if err != nil {
		return nil, err
	}
	if err := os.Link(filepath.Join(dir, "s"), path); err != nil {
		return nil, errors.Join(inputfile.Bare(err), s.Close())
	}
	s.path = path
	return s, nil
}

// bind opens a socket, and takes the rights of others away.
func bind(ctx context.Context, path string) (*socket, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s, ok := ln.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(errors.New("not a Unix socket"), ln.Close())
	}
	s.SetUnlinkOnClose(false)
	info, err := os.Lstat(path)
	if err == nil {
		err = os.Chmod(path, 0o600)
	}
	if err != nil {
		return nil, errors.Join(inputfile.Bare(err), s.Close())
	}
	return &socket{UnixListener: s, info: info}, nil
}

// makeRoom removes a socket that nobody listens at.
func makeRoom(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return inputfile.Bare(err)
	case info.Mode()&fs.ModeSocket == 0:
		return schemas.Hint(errors.New("something is there that is not a socket"), "move it away, or name another path")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err == nil {
		_ = conn.Close() // only to see whether somebody is there
		return schemas.Hint(ErrTaken, "stop it, or name another path")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("look who listens there: %w", err)
	}
	return inputfile.Bare(os.Remove(path))
}

// remove takes the socket's name away, unless it is somebody else's by now.
func (s *socket) remove() error {
	info, err := os.Lstat(s.path)
	if err != nil || !os.SameFile(info, s.info) {
		return nil //nolint:nilerr // it is gone
	}
	return inputfile.Bare(os.Remove(s.path))
}
