package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// Override holds a subject at a mode that is weaker than its rollout's: a key
// with key/<app>/<id>, every key of an app with key/<app>. The mode
// is observe if empty; Since and Entry are filled in. Where a key that is enforced is held, all enforced keys of its app
// are held with it, as its clients would be refused otherwise.
//
// It is stored before it holds, and holds when Override returns, also while the
// files on disk are bad. It lapses as soon as the rollout's entry changes. It
// may be called from any goroutine once the server has started.
func (s *Server) Override(ctx context.Context, o schemas.Override) error {
	s.swapping.Lock()
	defer s.swapping.Unlock()
	served := s.current.Load()
	if served == nil {
		return errors.New("nothing is served yet")
	}
	list, err := served.with(o, s.opts.Now())
	if err != nil {
		return err
	}
	if err := s.overrides.store(list); err != nil {
		return err
	}
	for _, o := range without(list, served.overrides) {
		s.opts.Logger.LogAttrs(ctx, slog.LevelWarn, "override set", overrideAttrs(o)...)
	}
	if s.opts.State == "" {
		s.opts.Logger.WarnContext(ctx, "the override ends with this process, as there is no state directory")
	}
	s.serveUnder(list)
	return nil
}

// with returns the overrides in force and one more, for each key that it names.
func (s *snapshot) with(o schemas.Override, now time.Time) ([]schemas.Override, error) {
	chosen, err := s.listed(o.Subject)
	if err != nil {
		return nil, err
	}
	o.Since = now.UTC().Round(0) // no monotonic clock: it is compared
	o.Mode = cmp.Or(o.Mode, schemas.ModeObserve)
	list := slices.Clone(s.overrides)
	for _, k := range chosen {
		o.Subject, o.Entry = k.subject.String(), k.entry
		if err := o.Check(); err != nil {
			return nil, err //nolint:wrapcheck // it names the subject
		}
		if !o.Mode.Weaker(k.state.ModeAt(now)) {
			continue
		}
		if list, err = put(list, o); err != nil {
			return nil, err
		}
	}
	if slices.Equal(list, s.overrides) {
		return nil, schemas.Hint(fmt.Errorf("the rollout has %s at %s or weaker already", chosen[0].subject, o.Mode), "an override only ever weakens")
	}
	return list, nil
}

// ClearOverride ends the override of a subject, or of every key of an app: the
// mode of the rollout holds again when it returns. Who has cleared it and why
// is logged.
func (s *Server) ClearOverride(ctx context.Context, subject, who, reason string) error {
	wanted, err := schemas.ParseSubject(subject)
	if err != nil {
		return err //nolint:wrapcheck // its text and hint say all
	}
	s.swapping.Lock()
	defer s.swapping.Unlock()
	served := s.current.Load()
	if served == nil {
		return errors.New("nothing is served yet")
	}
	list := slices.DeleteFunc(slices.Clone(served.overrides), func(o schemas.Override) bool { return covers(wanted, o.Subject) })
	if len(list) == len(served.overrides) {
		return schemas.Hint(fmt.Errorf("%s is not overridden", wanted), "the status lists what is")
	}
	if err := s.overrides.store(list); err != nil {
		return err
	}
	s.opts.Logger.WarnContext(ctx, "override cleared", "subject", wanted.String(), "who", who, "reason", reason)
	s.serveUnder(list)
	return nil
}

// covers reports whether wanted, a key or an app, is or has the key of that name.
func covers(wanted schemas.Subject, name string) bool {
	s, err := schemas.ParseSubject(name)
	if wanted.ID == "" {
		s.ID = ""
	}
	return err == nil && s.Fold() == wanted.Fold()
}

// listed finds the keys that the rollout lists under the name of a key or app.
func (s *snapshot) listed(name string) ([]*loadedKey, error) {
	wanted, err := schemas.ParseSubject(name)
	if err != nil {
		return nil, err //nolint:wrapcheck // its text and hint say all
	}
	var found []*loadedKey
	var names []string
	for _, k := range s.keys {
		if k.entry == "" {
			continue
		}
		names = append(names, k.subject.String())
		if covers(wanted, k.subject.String()) {
			found = append(found, k)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	hint := "the rollout lists " + cmp.Or(strings.Join(names[:min(len(names), 10)], ", "), "nothing")
	if near, ok := schemas.Nearest(name, names); ok {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return nil, schemas.Hint(fmt.Errorf("the rollout does not list %s", wanted), hint)
}

// put adds an override to a list in order of subjects. One that is there
// already may not be made stricter.
func put(list []schemas.Override, o schemas.Override) ([]schemas.Override, error) {
	i, found := slices.BinarySearchFunc(list, o.Subject, func(have schemas.Override, subject string) int {
		return cmp.Compare(have.Subject, subject)
	})
	switch {
	case !found:
		return slices.Insert(list, i, o), nil
	case list[i].Mode.Weaker(o.Mode):
		return nil, schemas.Hint(fmt.Errorf("%s is held at %s already, which is weaker", o.Subject, list[i].Mode), "clear that override first")
	}
	list[i] = o
	return list, nil
}
