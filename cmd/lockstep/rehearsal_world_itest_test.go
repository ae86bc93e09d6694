//go:build itest

package main

import (
	"container/heap"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

// A fleet is what a world is made of. Apps with an even number have access logs
// to be replayed, the others nothing but the config service's own log and its
// database.
type fleet struct {
	apps  int
	comes map[time.Duration]int // clients by how often they come
	wrong map[time.Duration]int // of these
}

// wholeFleet has 40 apps and 300 clients, 5 % of them wrong.
func wholeFleet() fleet {
	return fleet{
		apps:  40,
		comes: map[time.Duration]int{8 * time.Hour: 230, day: 40, 7 * day: 20, 30 * day: 10},
		wrong: map[time.Duration]int{8 * time.Hour: 8, day: 3, 7 * day: 2, 30 * day: 2},
	}
}

// How many days a rehearsal of the whole fleet takes, and how many there are
// before, in which the database meets who comes monthly.
const (
	fleetDays    = 60
	fleetHistory = 31
)

// dayOne is when the first key is written.
var dayOne = time.Date(2026, 9, 1, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// A world is an Apollo with its clients, by a clock that goes from one thing
// that happens to the next.
type world struct {
	t       *testing.T
	apollo  *apollotest.Apollo
	db      *apollotest.MariaDB
	dir     string
	fleet   fleet
	apps    []*fleetApp
	clients []*fleetClient

	mu       sync.Mutex
	at       time.Time
	agenda   agenda
	rejected []string // requests of clients that were refused
}

// A fleetApp is one app and its key.
type fleetApp struct {
	id, owner, secret string
	replayed          bool // has access logs
}

// newWorld starts an Apollo of two nodes, as it was before anybody had keys.
func newWorld(t *testing.T, f fleet) *world {
	t.Helper()
	w := &world{t: t, fleet: f, at: dayOne.AddDate(0, 0, -fleetHistory), dir: t.TempDir()}
	w.apollo = apollotest.Start(t, apollotest.Options{
		Now: w.now, Nodes: 2, LogDir: filepath.Join(w.dir, "logs"), AccessLog: true, AdminToken: "c4n4ry-admin",
	})
	random := rand.New(rand.NewPCG(1, 6)) //nolint:gosec // the same each time
	for i := range f.apps {
		app := &fleetApp{
			id: fmt.Sprintf("app-%02d", i), owner: fmt.Sprintf("team-%02d", i%7), replayed: i%2 == 0,
			secret: fmt.Sprintf("%016x%016x", random.Uint64(), random.Uint64()),
		}
		w.apps = append(w.apps, app)
		w.apollo.AddApp(apollotest.App{ID: app.id, OwnerName: app.owner, OwnerEmail: app.owner + "@example.com"})
	}
	w.populate(random)
	w.every(time.Hour, w.at, func() {
		for _, node := range w.apollo.Nodes {
			node.Live()
			w.get(node.URL+"/health", http.Header{})
		}
	})
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// sleep lets time pass and nothing happen, as for who waits a few seconds.
func (w *world) sleep(_ context.Context, d time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
	return nil
}

// A deed is something that happens at a moment.
type deed struct {
	at time.Time
	do func()
}

// An agenda is a heap of deeds, the next one first.
type agenda []deed

func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].at.Before(a[j].at) }
func (a agenda) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(d any)        { *a = append(*a, d.(deed)) }

func (a *agenda) Pop() any {
	last := len(*a) - 1
	d := (*a)[last]
	*a = (*a)[:last]
	return d
}

// plan puts a deed on the agenda.
func (w *world) plan(at time.Time, do func()) { heap.Push(&w.agenda, deed{at, do}) }

// every plans a deed from a moment on, again and again.
func (w *world) every(period time.Duration, from time.Time, do func()) {
	w.plan(from, func() {
		do()
		w.every(period, from.Add(period), do)
	})
}

// live lets happen what happens until a moment.
func (w *world) live(until time.Time) {
	for w.agenda.Len() > 0 && w.agenda[0].at.Before(until) {
		next := heap.Pop(&w.agenda).(deed)
		w.mu.Lock()
		if next.at.After(w.at) { // else somebody has slept over it
			w.at = next.at
		}
		w.mu.Unlock()
		next.do()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if until.After(w.at) {
		w.at = until
	}
}

// path is that of a file of the world.
func (w *world) path(parts ...string) string {
	return filepath.Join(append([]string{w.dir}, parts...)...)
}

// hidden lists what must not be found in anything that is written for people.
func (w *world) hidden() *strings.Replacer {
	pairs := []string{"c4n4ry-admin", "[HIDDEN]", apollotest.ReaderPassword, "[HIDDEN]"}
	for _, app := range w.apps {
		pairs = append(pairs, app.secret, "[HIDDEN]")
	}
	return strings.NewReplacer(pairs...)
}
