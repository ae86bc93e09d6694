package apollo_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// The secrets hold a word by which a leak is known.
const (
	secretOne = "CANARY-one-0123456789abcdef"
	secretTwo = "CANARY-two-0123456789abcdef"
	token     = "CANARY-token"
)

// A clock moves by itself only where somebody sleeps by it.
type clock struct {
	mu    sync.Mutex
	at    time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 21, 12, 0, 0, 300e6, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.slept = c.at.Add(d), append(c.slept, d)
	return ctx.Err()
}

// A world is an Apollo with one app, called demo, and a key store for it.
type world struct {
	*apollotest.Apollo
	t     *testing.T
	clock *clock
	store *apollo.KeyStore
}

// newWorld starts an Apollo. The options of the store may be changed.
func newWorld(t *testing.T, o apollotest.Options, change ...func(*apollo.Options)) *world {
	t.Helper()
	w := &world{t: t, clock: newClock()}
	o.Now = w.clock.now
	w.Apollo = apollotest.Start(t, o)
	w.AddApp(apollotest.App{ID: "demo"})
	w.store = w.open(change...)
	return w
}

func (w *world) open(change ...func(*apollo.Options)) *apollo.KeyStore {
	w.t.Helper()
	opts := apollo.Options{
		Admin: w.Admin.URL, Token: schemas.NewSecret([]byte(token)),
		Now: w.clock.now, Sleep: w.clock.sleep, Timeout: 500 * time.Millisecond,
	}
	for _, n := range w.Nodes {
		opts.Nodes = append(opts.Nodes, n.URL)
	}
	for _, f := range change {
		f(&opts)
	}
	store, err := apollo.New(opts)
	if err != nil {
		w.t.Fatal(err)
	}
	return store
}

// one is the only key of demo, as the store sees it.
func (w *world) one() schemas.StoredKey {
	w.t.Helper()
	keys, err := w.store.Keys(w.t.Context(), "demo")
	if err != nil || len(keys) != 1 {
		w.t.Fatalf("keys %v, error %v, want one", keys, err)
	}
	return keys[0]
}

// calls lists the requests that changed something, or would have.
func (w *world) calls() []string {
	var calls []string
	for _, r := range w.Admin.Requests() {
		if !strings.HasPrefix(r, "GET ") {
			calls = append(calls, r)
		}
	}
	return calls
}

// set has the store bring the one key to a mode.
func (w *world) set(to schemas.Mode) error {
	w.t.Helper()
	_, err := w.store.Set(w.t.Context(), "demo", w.one(), to)
	return err
}

// clean makes sure that no secret is in a text.
func clean(t *testing.T, what, text string) {
	t.Helper()
	if strings.Contains(text, "CANARY") {
		t.Errorf("%s holds a secret:\n%s", what, text)
	}
}

func probes(keys ...migrate.ProbeKey) []migrate.ProbeKey { return keys }

func probeKey(secret string, mode schemas.Mode) migrate.ProbeKey {
	return migrate.ProbeKey{Secret: schemas.NewSecret([]byte(secret)), Mode: mode}
}

// mentions reports whether err says all of texts.
func mentions(err error, texts ...string) bool {
	if err == nil {
		return false
	}
	all := err.Error() + "\n" + strings.Join(schemas.Hints(err), "\n")
	for _, text := range texts {
		if !strings.Contains(all, text) {
			return false
		}
	}
	return true
}
