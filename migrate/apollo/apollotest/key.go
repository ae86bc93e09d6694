package apollotest

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Mode is the column Mode of the table AccessKey.
type Mode int

// The modes that Apollo has since version 2.4. Filter is the default of the
// column, and of every endpoint that takes a mode. Any other number is stored
// too; such a key neither enforces nor observes.
const (
	Filter   Mode = 0
	Observer Mode = 1
)

// A Key is a row of the table AccessKey.
type Key struct {
	ID         int64
	App        string
	Secret     string
	Mode       Mode
	Enabled    bool
	CreatedBy  string
	ModifiedBy string
	Created    time.Time
	LastTime   time.Time // of the last change, in whole seconds like the column
}

// A change is one write to the table.
type change struct {
	at      time.Time
	key     Key
	deleted bool
}

// A keyTable is the table AccessKey, and what was ever written to it: the
// nodes read it late, each by its own clock.
type keyTable struct {
	now func() time.Time

	mu      sync.Mutex
	lastID  int64
	keys    map[int64]Key
	changes []change
}

func newKeyTable(now func() time.Time) *keyTable {
	return &keyTable{now: now, keys: map[int64]Key{}}
}

// insert writes a new row and returns it.
func (t *keyTable) insert(key Key) Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastID++
	key.ID, key.Created = t.lastID, t.now().Truncate(time.Second)
	return t.write(key)
}

// update changes the row of an app; found is false if there is none. As with
// Hibernate, what changes nothing is not written, and LastTime stays.
func (t *keyTable) update(app string, id int64, edit func(*Key)) (found bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key, ok := t.keys[id]
	if !ok || !strings.EqualFold(key.App, app) {
		return false
	}
	before := key
	edit(&key)
	if key != before {
		t.write(key)
	}
	return true
}

// write is an insert or update of a row; MySQL itself notes when.
func (t *keyTable) write(key Key) Key {
	at := t.now()
	key.LastTime = at.Truncate(time.Second)
	t.keys[key.ID] = key
	t.changes = append(t.changes, change{at: at, key: key})
	return key
}

// remove deletes the row of an app.
func (t *keyTable) remove(id int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.changes = append(t.changes, change{at: t.now(), key: t.keys[id], deleted: true})
	delete(t.keys, id)
}

// of lists the keys of an app, by secret: that is the index which MariaDB
// reads them by.
func (t *keyTable) of(app string) []Key {
	t.mu.Lock()
	defer t.mu.Unlock()
	var keys []Key
	for _, key := range t.keys {
		if strings.EqualFold(key.App, app) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int { return cmp.Or(cmp.Compare(a.Secret, b.Secret), cmp.Compare(a.ID, b.ID)) })
	return keys
}

// find returns a key of an app by its id.
func (t *keyTable) find(app string, id int64) (Key, bool) {
	for _, key := range t.of(app) {
		if key.ID == id {
			return key, true
		}
	}
	return Key{}, false
}

// since lists the changes after the first n.
func (t *keyTable) since(n int) []change {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clip(t.changes[n:])
}
