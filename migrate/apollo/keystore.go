package apollo

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"lockstep/migrate"
	"lockstep/schemas"
)

// Options say where an Apollo is.
type Options struct {
	Admin    string         // URL of its AdminService; or
	Portal   string         // URL of a Portal of 3.0 or later
	Env      string         // the environment, as the Portal calls it
	Token    schemas.Secret // for either; none if empty
	Operator string         // whom Apollo notes for a change; a Portal has to know the user
	Version  string         // of Apollo; asked for if empty
	Nodes    []string       // URLs of all nodes of the config service

	Now     func() time.Time
	Sleep   func(context.Context, time.Duration) error // [Sleep] if nil
	Timeout time.Duration                              // of a call; 5s if zero, and never more than 3s for a node
	Logger  *slog.Logger
}

// A KeyStore changes the access keys of one Apollo, which checks them itself.
// It speaks to one AdminService (2.4 and later), or to a Portal by its OpenAPI
// (3.0), and asks every node of the config service whether what was set has
// taken. Secrets come in with every answer, and leave as fingerprints. It
// implements [migrate.KeyStore].
type KeyStore struct {
	o     Options
	api   api
	web   *caller
	nodes *caller

	mu      sync.Mutex
	version string               // as far as it is known; "?" if nobody says
	wrote   map[string]time.Time // when a key was changed here last, by app and id
	touched map[string]time.Time // when any key of an app was, by app
	next    time.Time            // when the next call may be made
	checked map[string]bool      // nodes that know modes, or do not tell
}

// An api is how keys are changed: what AdminService and OpenAPI differ in.
type api interface {
	keys(app string) request
	create(app string, secret schemas.Secret, operator string) (request, error)
	set(app, id string, mode schemas.Mode, operator string) request
	apps(page int) request
	version() (request, bool)
}

// New makes a key store. Nothing is dialled until it is asked for something.
func New(o Options) (*KeyStore, error) {
	if (o.Admin == "") == (o.Portal == "") {
		return nil, errors.New("a key store needs one of AdminService and Portal")
	}
	if bytes.ContainsFunc(o.Token.Reveal(), unicode.IsControl) { // RFC 9110, section 5.5: no header has one
		return nil, schemas.Hint(errors.New("the token of Apollo has a line break or another control character in it"),
			"write it on one line, and nothing else into that file")
	}
	if o.Sleep == nil {
		o.Sleep = Sleep
	}
	o.Timeout = cmp.Or(o.Timeout, 5*time.Second)
	o.Operator = cmp.Or(o.Operator, "lockstep")
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &KeyStore{o: o, version: o.Version, wrote: map[string]time.Time{}, touched: map[string]time.Time{}, checked: map[string]bool{}, nodes: newCaller(min(o.Timeout, 3*time.Second), schemas.Secret{})}
	if s.web = newCaller(o.Timeout, o.Token); o.Admin != "" {
		s.api = admin{strings.TrimRight(o.Admin, "/")}
	} else {
		s.api = portal{strings.TrimRight(o.Portal, "/"), o.Env}
	}
	return s, nil
}

// Sleep waits, or returns the error of ctx once it ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err() //nolint:wrapcheck // it speaks for itself
	case <-timer.C:
		return nil
	}
}

// rate is the least time between two calls: an AdminService serves a Portal,
// and people, beside us.
const rate = 50 * time.Millisecond

// do makes a call when its turn has come.
func (s *KeyStore) do(ctx context.Context, r request, into any) error {
	s.mu.Lock()
	wait := s.next.Sub(s.o.Now())
	s.next = s.o.Now().Add(max(wait, 0) + rate)
	s.mu.Unlock()
	if wait > 0 {
		if err := s.o.Sleep(ctx, min(wait, time.Second)); err != nil { // a clock may be set back
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
	return s.web.do(ctx, r, into)
}

// tries is how often a call is made that is known not to have done anything.
const tries = 3

// backoff is how long to wait before the next try. A server that says when to
// come back is believed, within reason.
func backoff(try int, err error) time.Duration {
	d := 200 * time.Millisecond << try
	if answer, ok := errors.AsType[*answerError](err); ok {
		d = max(d, min(answer.after, 10*time.Second))
	}
	return d
}

// read makes a call that changes nothing, again where it fails for a while.
func (s *KeyStore) read(ctx context.Context, r request, into any) error {
	for try := 1; ; try++ {
		err := s.do(ctx, r, into)
		if err == nil || final(err) || try == tries || ctx.Err() != nil {
			return err
		}
		if err := s.o.Sleep(ctx, backoff(try, err)); err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
	}
}

// Keys implements [migrate.KeyStore].
func (s *KeyStore) Keys(ctx context.Context, app string) ([]schemas.StoredKey, error) {
	var found []accessKey
	if err := s.read(ctx, s.api.keys(app), &found); err != nil {
		return nil, err
	}
	keys := make([]schemas.StoredKey, len(found))
	for i := range found {
		key, err := found[i].stored()
		if err != nil {
			return nil, err
		}
		keys[i] = key
	}
	// Apollo 2.5.2 on MariaDB lists them by secret.
	slices.SortFunc(keys, func(a, b schemas.StoredKey) int {
		return cmp.Or(cmp.Compare(len(a.ID), len(b.ID)), cmp.Compare(a.ID, b.ID))
	})
	return keys, nil
}

// key is one key of an app, as it is now.
func (s *KeyStore) key(ctx context.Context, app string, is func(schemas.StoredKey) bool) (key schemas.StoredKey, there bool, err error) {
	keys, err := s.Keys(ctx, app)
	if err != nil {
		return key, false, err
	}
	i := slices.IndexFunc(keys, is)
	if i < 0 {
		return key, false, nil
	}
	return keys[i], true, nil
}

// Create implements [migrate.KeyStore]. Where the answer is lost, Apollo is
// asked whether the key is there before anything is tried again; and it takes
// no secret of an app twice.
func (s *KeyStore) Create(ctx context.Context, app string, secret schemas.Secret) (schemas.StoredKey, error) {
	if err := s.checkVersion(ctx); err != nil {
		return schemas.StoredKey{}, err
	}
	r, err := s.api.create(app, secret, s.o.Operator)
	if err != nil {
		return schemas.StoredKey{}, err
	}
	same := func(k schemas.StoredKey) bool { return k.Fingerprint == secret.Fingerprint() }
	var failed error
	for try := 0; ; try++ {
		key, there, err := s.key(ctx, app, same)
		switch {
		case err != nil:
			return key, errors.Join(failed, fmt.Errorf("nobody knows whether the key is there: %w", err))
		case there:
			return key, nil
		case try > 0 && failed == nil:
			return key, errors.New("the answer says that the key was made, and Apollo does not list it")
		case final(failed) || try == tries:
			return key, failed
		case try > 0:
			if err := s.o.Sleep(ctx, backoff(try, failed)); err != nil {
				return key, errors.Join(failed, err)
			}
		}
		s.o.Logger.DebugContext(ctx, "creating a key", "app", app, "fingerprint", secret.Fingerprint())
		failed = s.do(ctx, r, nil)
		s.mark(app, "")
	}
}

// Set implements [migrate.KeyStore]. The state is read before every call; so a
// call whose answer was lost, and which has taken, is not made again.
func (s *KeyStore) Set(ctx context.Context, app string, before schemas.StoredKey, to schemas.Mode) (schemas.StoredKey, error) {
	if err := s.checkVersion(ctx); err != nil {
		return before, err
	}
	if err := s.pause(ctx, app, before); err != nil {
		return before, err
	}
	var failed error
	for try := 0; ; try++ {
		key, there, err := s.key(ctx, app, func(k schemas.StoredKey) bool { return k.ID == before.ID })
		switch {
		case err != nil && try > 0:
			return before, errors.Join(failed, fmt.Errorf("nobody knows whether it has taken: %w", err))
		case err != nil:
			return before, err
		case there && try > 0 && key.Mode == to && key.Fingerprint == before.Fingerprint:
			return key, nil
		case !there || !key.Same(before):
			return before, changed(key, there)
		case try > 0 && failed == nil:
			return before, fmt.Errorf("the answer says that mode %s is set, and the key is still in mode %s", to, key.Mode)
		case final(failed) || try == tries:
			return before, failed
		case try > 0:
			if err := s.o.Sleep(ctx, backoff(try, failed)); err != nil {
				return before, errors.Join(failed, err)
			}
		}
		failed = s.set(ctx, app, before, to, s.o.Operator)
	}
}

// changed says how a key was found that should not have changed.
func changed(key schemas.StoredKey, there bool) error {
	if !there {
		return fmt.Errorf("%w: the key is gone", migrate.ErrChanged)
	}
	since := ""
	if !key.Changed.IsZero() { // as from a Portal
		since = " since " + key.Changed.UTC().Format(time.RFC3339)
	}
	return fmt.Errorf("%w: it is in mode %s%s by %q", migrate.ErrChanged, key.Mode, since, key.By)
}

func (s *KeyStore) set(ctx context.Context, app string, key schemas.StoredKey, to schemas.Mode, operator string) error {
	s.o.Logger.DebugContext(ctx, "setting the mode of a key", "app", app, "key", key.ID, "mode", to)
	err := s.do(ctx, s.api.set(app, key.ID, to, operator), nil)
	s.mark(app, key.ID)
	return err
}

// Touch implements [migrate.KeyStore]. A node before 2.5.0 misses a change in
// the second of the one that it has seen last (Apollo's issue 5483). Hibernate
// writes what differs only, so it takes another operator to move the time of
// a key that is in its mode already.
func (s *KeyStore) Touch(ctx context.Context, app string, key schemas.StoredKey) (touched schemas.StoredKey, again bool, err error) {
	if s.o.Portal != "" || !s.missesChanges(ctx) {
		return key, false, nil
	}
	if err := s.pause(ctx, app, key); err != nil {
		return key, false, err
	}
	if err := s.set(ctx, app, key, key.Mode, s.o.Operator+"-touch"); err != nil {
		return key, false, err
	}
	touched, there, err := s.key(ctx, app, func(k schemas.StoredKey) bool { return k.ID == key.ID })
	if err == nil && (!there || touched.Mode != key.Mode) {
		err = changed(touched, there)
	}
	return touched, err == nil, err
}
