package apollo

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// unknownVersion is the version of an Apollo that does not tell.
const unknownVersion = "?"

// release is a version as Apollo's ApolloInfoController writes it: java-2.5.2.
func release(text string) string { return strings.TrimPrefix(strings.TrimSpace(text), "java-") }

// asked is the version of AdminService, which is asked for it once.
func (s *KeyStore) asked(ctx context.Context) string {
	s.mu.Lock()
	known := s.version
	s.mu.Unlock()
	if known != "" {
		return known
	}
	known = unknownVersion
	if r, ok := s.api.version(); ok {
		var text string
		if err := s.read(ctx, r, &text); err == nil && numbers(release(text)) != nil {
			known = release(text)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = known
	return known
}

// checkVersion refuses an Apollo that would take an order to observe for one
// to enforce: before 2.4 there is no mode, and enabling a key enforces it.
func (s *KeyStore) checkVersion(ctx context.Context) error {
	if version := s.asked(ctx); before(version, 2, 4) {
		return errNoMode()
	}
	return ctx.Err() //nolint:wrapcheck // it speaks for itself
}

func errNoMode() error {
	return schemas.Hint(errors.New("this Apollo knows no observing: it is older than 2.4, where to enable a key is to enforce it"),
		"bring AdminService and config service to 2.4.0 or later first")
}

// missesChanges reports whether a node may miss the second of two changes in a
// second, as before 2.5.0 (Apollo's issue 5483). Who does not tell may.
func (s *KeyStore) missesChanges(ctx context.Context) bool {
	version := s.asked(ctx)
	return numbers(version) == nil || before(version, 2, 5)
}

// apart is the time between two changes of a key which every node tells apart:
// Apollo keeps their times in whole seconds.
const apart = 2 * time.Second

// pause waits until a key may be changed again.
func (s *KeyStore) pause(ctx context.Context, app string, key schemas.StoredKey) error {
	if !s.missesChanges(ctx) {
		return nil
	}
	now := s.o.Now()
	s.mu.Lock()
	wait := apart - now.Sub(key.Changed)
	for _, id := range []string{key.ID, ""} { // "" is the one just made, whose id nobody knew
		if at, ok := s.wrote[app+"/"+id]; ok {
			wait = max(wait, apart-now.Sub(at))
		}
	}
	s.mu.Unlock()
	return s.rest(ctx, wait)
}

// rest waits, but never for longer than two changes have to be apart: clocks
// may be far from each other.
func (s *KeyStore) rest(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	return s.o.Sleep(ctx, min(wait, apart))
}

// mark notes that a key was changed now.
func (s *KeyStore) mark(app, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wrote[app+"/"+id], s.touched[app] = s.o.Now(), s.o.Now()
}

// before reports whether a version is known to be older than major.minor.
func before(version string, major, minor int) bool {
	v := numbers(version)
	return v != nil && (v[0] < major || v[0] == major && v[1] < minor)
}

// numbers are the first two of a version; nil if it is none.
func numbers(version string) []int {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return nil
	}
	var v []int
	for _, part := range parts[:2] {
		n, err := strconv.Atoi(part)
		if err != nil {
			return nil
		}
		v = append(v, n)
	}
	return v
}
