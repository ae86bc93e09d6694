package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	path  string             // empty: in memory only
	list  []schemas.Override // by subject
	alarm string             // what was lost, if anything
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
func (s *Server) recallOverrides(ctx context.Context) error {
	if s.opts.State == "" {
		return nil
	}
	s.overrides.path = filepath.Join(s.opts.State, overridesFile)
	if err := s.overrides.recall(); err != nil {
		s.overrides.alarm = fmt.Sprintf("overrides set before are not in force: %v", err)
		s.opts.Logger.ErrorContext(ctx, "overrides are lost", "error", err)
	}
	return nil
}

func (o *overrides) recall() error {
	text, err := inputfile.Read(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", o.path, err)
	}
	list, err := decodeOverrides(o.path, text)
	if err == nil {
		o.list = slices.SortedFunc(slices.Values(list), func(a, b schemas.Override) int { return cmp.Compare(a.Subject, b.Subject) })
		return nil
	}
	aside := o.path + ".broken"
	if moveErr := os.Rename(o.path, aside); moveErr != nil {
		return errors.Join(err, moveErr)
	}
	return fmt.Errorf("%w; the file was kept as %s", err, aside)
}

func decodeOverrides(path string, text []byte) ([]schemas.Override, error) {
	doc, err := schemas.ParseDocument(path, text)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names its place
	}
	all, err := schemas.DecodeOverrides(doc)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names its place
	}
	return all.Overrides, nil
}
