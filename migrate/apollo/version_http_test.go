package apollo_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// serve answers like an AdminService that nobody wrote yet, and counts what is
// not a GET.
func serve(t *testing.T, answer func(http.ResponseWriter, *http.Request)) (store *apollo.KeyStore, calls *int) {
	t.Helper()
	calls = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			*calls++
		}
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	clock := newClock()
	store, err := apollo.New(apollo.Options{Admin: server.URL, Token: schemas.NewSecret([]byte(token)), Now: clock.now, Sleep: clock.sleep})
	if err != nil {
		t.Fatal(err)
	}
	return store, calls
}

// Apollo §5, 2.3.0: AdminService has no modes, and enable?mode=1 enforces. So
// nothing is enabled there, whether it tells its version or only lists keys
// without a mode.
func TestVersionWithoutModes(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{"it says so": "java-2.3.0", "it does not": ""} {
		store, calls := serve(t, func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasSuffix(r.URL.Path, "/accesskeys"):
				_, _ = fmt.Fprintf(w, `[{"id":1,"secret":%q,"appId":"demo","enabled":false,"dataChangeLastModifiedTime":"2026-11-22T03:03:36.000+0800"}]`, secretOne)
			case version == "":
				w.WriteHeader(http.StatusNotFound)
			default:
				_, _ = io.WriteString(w, version)
			}
		})
		_, listed := store.Keys(t.Context(), "demo")
		_, set := store.Set(t.Context(), "demo", schemas.StoredKey{ID: "1"}, schemas.ModeObserve)
		_, made := store.Create(t.Context(), "demo", schemas.NewSecret([]byte(secretTwo)))
		for _, err := range []error{listed, set, made} {
			if !mentions(err, "older than 2.4, where to enable a key is to enforce it") {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if *calls != 0 {
			t.Errorf("%s: %d calls", name, *calls)
		}
	}
}

// A node that is older than AdminService would enforce what is to be observed.
func TestNodeWithoutModes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{Version: "2.3.0", Nodes: 2})
	err := w.store.Probe(t.Context(), "demo", nil)
	if !mentions(err, "node "+w.Nodes[0].URL+": this Apollo knows no observing: it is older than 2.4") || errors.Is(err, migrate.ErrDisagree) {
		t.Errorf("error %v", err)
	}
}

// Answers that are none of Apollo's: a page of something else, one that never
// ends, and one that points elsewhere, where neither token nor secret may go.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the store follows") }))
	t.Cleanup(elsewhere.Close)
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   string
	}{
		"a page":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>CANARY") }, "list the keys of app demo: the answer is not Apollo's"},
		"a redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "Apollo answered with status 302"},
		"a number for a secret": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `[{"id":"CANARY"}]`)
		}, "the answer is not Apollo's"},
		"no end": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat(" ", 5<<20))
		}, "the answer is larger than 4 MiB"},
		"too many requests": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
		}, "Apollo answered with status 429"},
	} {
		store, _ := serve(t, test.answer)
		_, err := store.Keys(t.Context(), "demo")
		if !mentions(err, test.want) {
			t.Errorf("%s: error %v, want %s", name, err, test.want)
			continue
		}
		clean(t, name, err.Error())
	}
}

// A server that says when to come back is believed, and calls are some time
// apart in any case.
func TestCallsAreSpread(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{})
	start := w.clock.now()
	for range 21 {
		if _, err := w.store.Keys(t.Context(), "demo"); err != nil {
			t.Fatal(err)
		}
	}
	if took := w.clock.now().Sub(start); took.Seconds() != 1 {
		t.Errorf("21 calls took %s by the clock, want 1s", took)
	}
	busy, answered := 0, newClock()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if busy++; busy == 1 {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "[]")
	}))
	t.Cleanup(server.Close)
	store, err := apollo.New(apollo.Options{Admin: server.URL, Now: answered.now, Sleep: answered.sleep})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Keys(t.Context(), "demo"); err != nil || len(answered.slept) != 1 || answered.slept[0].Seconds() != 3 {
		t.Errorf("error %v, waited %v, want 3s once", err, answered.slept)
	}
}
