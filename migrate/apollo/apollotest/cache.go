package apollotest

import (
	"strings"
	"time"
)

// How often a config service looks for keys that were written, and for those
// that were deleted (apollo.access-key-cache-scan.interval and
// apollo.access-key-cache-rebuild.interval).
const (
	scanInterval   = time.Second
	deleteInterval = time.Minute
)

// A keyCache is what one node knows of the table. It reads late, as the
// service does: a change counts from the first tick after it.
type keyCache struct {
	table   *keyTable
	started time.Time
	blind   bool // misses the second change of a second, see [keyCache.scan]
	frozen  bool

	read    int       // changes of the table that were scanned
	scanned time.Time // the latest LastTime that was seen
	keys    []Key     // in the order of their first scan
	gone    []change  // deleted in the table, and not here yet
}

// A rewrite is a key that a scan has found changed.
type rewrite struct {
	at       time.Time
	old, new Key
}

// catchUp does all scans that were due until now, and tells what they changed.
func (c *keyCache) catchUp(now time.Time) []rewrite {
	if c.frozen {
		return nil
	}
	var rewritten []rewrite
	for pending := c.table.since(c.read); len(pending) > 0; pending = c.table.since(c.read) {
		tick := c.tick(pending[0].at, scanInterval)
		if tick.After(now) {
			break
		}
		n := 1
		for n < len(pending) && pending[n].at.Before(tick) {
			n++
		}
		rewritten = append(rewritten, c.scan(pending[:n], tick)...)
		c.read += n
	}
	c.drop(now)
	return rewritten
}

// tick is the first moment after at at which a job with this interval runs.
func (c *keyCache) tick(at time.Time, interval time.Duration) time.Time {
	return c.started.Add(at.Sub(c.started).Truncate(interval) + interval)
}

// scan asks for rows that are later than the latest it has seen. Times in the
// table are whole seconds: below 2.5.0 what is written in the second of the
// latest row, but after the scan, is missed until the row is written again
// (Apollo's issue 5483).
func (c *keyCache) scan(changes []change, tick time.Time) []rewrite {
	since := c.scanned
	deleted := map[int64]bool{}
	for _, change := range changes {
		deleted[change.key.ID] = deleted[change.key.ID] || change.deleted
	}
	var rewritten []rewrite
	for _, change := range changes {
		switch {
		case change.deleted:
			c.gone = append(c.gone, change)
		case deleted[change.key.ID]: // what it was changed to before is not seen: a key may enforce for its last minute
		case c.blind && !change.key.LastTime.After(since):
		default:
			if old, known := c.put(change.key); known && change.key.LastTime.After(old.LastTime) {
				rewritten = append(rewritten, rewrite{tick, old, change.key})
			}
			if change.key.LastTime.After(c.scanned) {
				c.scanned = change.key.LastTime
			}
		}
	}
	return rewritten
}

// put adds or replaces a key.
func (c *keyCache) put(key Key) (old Key, known bool) {
	for i := range c.keys {
		if c.keys[i].ID == key.ID {
			old, c.keys[i] = c.keys[i], key
			return old, true
		}
	}
	c.keys = append(c.keys, key)
	return Key{}, false
}

// drop forgets keys whose deletion is due to be noticed.
func (c *keyCache) drop(now time.Time) {
	kept := c.gone[:0]
	for _, change := range c.gone {
		if c.tick(change.at, deleteInterval).After(now) {
			kept = append(kept, change)
			continue
		}
		for i := range c.keys {
			if c.keys[i].ID == change.key.ID {
				c.keys = append(c.keys[:i], c.keys[i+1:]...)
				break
			}
		}
	}
	c.gone = kept
}

// secrets lists those of an app's enabled keys that enforce; only where there
// are none, those that observe. The case of the app does not count.
func (c *keyCache) secrets(app string, observers bool) (secrets []string, mode Mode) {
	var filter, observe []string
	for _, key := range c.keys {
		switch {
		case !key.Enabled || !strings.EqualFold(key.App, app):
		case key.Mode == Filter || !observers: // up to 2.3 there are no modes
			filter = append(filter, key.Secret)
		case key.Mode == Observer:
			observe = append(observe, key.Secret)
		}
	}
	if len(filter) > 0 {
		return filter, Filter
	}
	return observe, Observer
}
