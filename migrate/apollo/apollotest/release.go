package apollotest

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// An App is a row of the table App.
type App struct {
	ID         string
	Name       string
	OwnerName  string
	OwnerEmail string
}

// A release is a namespace of an app as it was published.
type release struct {
	id     int64 // of the message that tells clients of it
	key    string
	values map[string]string
}

// apps are the apps and what was released of them. The case of an app's id
// does not count, as for keys.
type apps struct {
	now func() time.Time

	mu       sync.Mutex
	lastID   int64
	apps     map[string]App
	order    []string                      // in which they were made
	releases map[string]map[string]release // by app and namespace
	changed  chan struct{}                 // closed by the next release
}

func newApps(now func() time.Time) *apps {
	return &apps{now: now, apps: map[string]App{}, releases: map[string]map[string]release{}, changed: make(chan struct{})}
}

// add makes an app. It reports false if there is one of this name.
func (a *apps) add(app App) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	id := strings.ToLower(app.ID)
	if _, there := a.apps[id]; there {
		return false
	}
	app.Name = cmp.Or(app.Name, app.ID)
	a.apps[id], a.releases[id] = app, map[string]release{}
	a.order = append(a.order, id)
	return true
}

// publish releases a namespace and wakes who waits for it.
func (a *apps) publish(app, namespace string, values map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.releases[strings.ToLower(app)] == nil {
		return
	}
	a.lastID++
	key := fmt.Sprintf("%s-%016x", a.now().UTC().Format("20060102150405"), a.lastID)
	a.releases[strings.ToLower(app)][namespaceName(namespace)] = release{a.lastID, key, maps.Clone(values)}
	close(a.changed)
	a.changed = make(chan struct{})
}

// find returns what was released, and what is closed when that changes.
func (a *apps) find(app, namespace string) (r release, ok bool, changed <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, ok = a.releases[strings.ToLower(app)][namespaceName(namespace)]
	return r, ok, a.changed
}

func (a *apps) get(id string) (App, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	app, ok := a.apps[strings.ToLower(id)]
	return app, ok
}

// list returns all apps in the order in which they were made.
func (a *apps) list() []App {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]App, len(a.order))
	for i, id := range a.order {
		all[i] = a.apps[id]
	}
	return all
}

// namespaceName drops the ending that a namespace of properties may have.
func namespaceName(name string) string { return strings.TrimSuffix(name, ".properties") }

// properties writes the values as Java does.
func (r release) properties() string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(r.values)) {
		fmt.Fprintf(&b, "%s=%s\n", name, r.values[name])
	}
	return b.String()
}
