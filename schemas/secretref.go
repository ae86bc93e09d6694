package schemas

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// A SecretRef says where a secret is kept: file:PATH or env:NAME. It is safe
// to print once [SecretRef.Check] has passed; before, it may be a secret
// that somebody put in the wrong place.
type SecretRef string

// errNotARef does not quote what it complains about.
var errNotARef = errors.New("a secret has to be a reference")

// Check returns an error unless r is a reference of a known form.
func (r SecretRef) Check() error {
	scheme, rest, _ := strings.Cut(string(r), ":")
	if (scheme == "file" || scheme == "env") && rest != "" {
		return nil
	}
	return Hint(errNotARef, "write file:PATH or env:NAME, never the secret itself")
}

// File is the path of a file: reference, relative paths taken from dir; ok is
// false for other references.
func (r SecretRef) File(dir string) (path string, ok bool) {
	path, ok = strings.CutPrefix(string(r), "file:")
	if ok && !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	return path, ok
}

// A SecretSource is where references lead: the files and the environment of
// a process. Both functions are given, so that nothing is read unasked.
type SecretSource struct {
	Dir      string // what relative paths are relative to
	ReadFile func(path string) ([]byte, error)
	Getenv   func(name string) string
}

// Resolve fetches the secret behind r. One line break at its end is not part
// of it, as editors and `echo` add one. An empty secret is an error.
func (s SecretSource) Resolve(r SecretRef) (Secret, error) {
	if err := r.Check(); err != nil {
		return Secret{}, err
	}
	value, err := s.fetch(r)
	if err != nil {
		err = fmt.Errorf("secret %s: %w", r, err)
		if path, _ := r.File(s.Dir); errors.Is(err, fs.ErrNotExist) {
			err = Hint(err, "put the secret into "+path+", or name another file")
		}
		return Secret{}, err
	}
	value = bytes.TrimSuffix(bytes.TrimSuffix(value, []byte("\n")), []byte("\r"))
	if len(value) == 0 {
		return Secret{}, Hint(fmt.Errorf("secret %s: it is empty", r), r.remedy())
	}
	return NewSecret(value), nil
}

// remedy says how a reference that leads to nothing is made to lead to something.
func (r SecretRef) remedy() string {
	if strings.HasPrefix(string(r), "env:") {
		return "set that variable, where lockstep runs"
	}
	return "write the secret into that file, and nothing else"
}

func (s SecretSource) fetch(r SecretRef) ([]byte, error) {
	if path, ok := r.File(s.Dir); ok {
		return s.ReadFile(path)
	}
	return []byte(s.Getenv(strings.TrimPrefix(string(r), "env:"))), nil
}
