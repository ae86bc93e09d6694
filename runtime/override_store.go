package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"lockstep/internal/atomicfile"
	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// overridesFile is the name of the overrides in the state directory.
const overridesFile = "overrides.json"

// overrides are what this process holds against its rollout, on disk and in
// memory. The lock of [Server.swapping] guards them.
type overrides struct {
	path string             // empty: in memory only
	list []schemas.Override // by subject
}

// overridesNow is what is held against the rollout.
func (s *Server) overridesNow() []schemas.Override {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	return s.overrides.list
}

// store makes list what is held, on disk first.
func (o *overrides) store(list []schemas.Override) error {
	if o.path != "" {
		text, err := (&schemas.Overrides{Overrides: list}).JSON()
		if err == nil {
			err = atomicfile.Write(o.path, text, 0o600)
		}
		if err != nil {
			return fmt.Errorf("store overrides in %s: %w", o.path, err)
		}
	}
	o.list = list
	return nil
}

// recallOverrides reads what was stored. An override only ever weakens, so the
// modes of the rollout hold where it cannot be read: that is an alarm and no
// reason not to start.
func (s *Server) recallOverrides(context.Context) error {
	if s.state.dir == "" {
		return nil
	}
	s.overrides.path = filepath.Join(s.state.dir, overridesFile)
	list, err := readOverrides(s.overrides.path)
	if err != nil {
		s.state.setAside(s.overrides.path, fmt.Errorf("what was overridden is not any more: %w", err))
	}
	s.overrides.list = list
	return nil
}

// readOverrides reads a list in order of subjects.
func readOverrides(path string) ([]schemas.Override, error) {
	text, err := inputfile.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the alarm names the path
	}
	doc, err := schemas.ParseDocument(path, text)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names its place
	}
	all, err := schemas.DecodeOverrides(doc)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names its place
	}
	slices.SortFunc(all.Overrides, func(a, b schemas.Override) int { return cmp.Compare(a.Subject, b.Subject) })
	return all.Overrides, nil
}
