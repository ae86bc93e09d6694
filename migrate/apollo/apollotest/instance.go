package apollotest

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// An Instance is a row of the table Instance joined with one of
// InstanceConfig: a client that has loaded a namespace through /configs.
type Instance struct {
	App, Cluster, DataCenter, IP string // of the client; IP is its parameter ip, or else its address
	ConfigApp, Namespace         string
	ReleaseKey                   string
	Created                      time.Time
	LastTime                     time.Time // DataChange_LastTime, refreshed about daily
}

// An instanceID is what makes rows distinct.
type instanceID struct{ app, cluster, dataCenter, ip, configApp, namespace string }

// How long a node remembers that it has written a row, and how old a row has
// to be to be written again, see InstanceConfigAuditUtil.
const (
	rememberRow = 24 * time.Hour
	freshRow    = 10 * time.Minute
)

// instances are the two tables.
type instances struct {
	mu   sync.Mutex
	rows map[instanceID]Instance
}

// An audited release is what a node remembers of a row.
type audited struct {
	releaseKey string
	at         time.Time
}

// An audit is the memory of one node.
type audit struct {
	table *instances
	mu    sync.Mutex
	seen  map[instanceID]audited
}

// load notes that a client has loaded a release.
func (a *audit) load(row Instance, now time.Time) {
	id := instanceID{row.App, row.Cluster, row.DataCenter, row.IP, row.ConfigApp, row.Namespace}
	a.mu.Lock()
	defer a.mu.Unlock()
	if last, ok := a.seen[id]; ok && last.releaseKey == row.ReleaseKey && now.Sub(last.at) < rememberRow {
		return
	}
	a.seen[id] = audited{row.ReleaseKey, now}
	a.table.write(id, row, now)
}

func (t *instances) write(id instanceID, row Instance, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, known := t.rows[id]
	switch {
	case known && old.ReleaseKey == row.ReleaseKey && now.Sub(old.LastTime) < freshRow:
		return
	case known:
		row.Created = old.Created
	default:
		row.Created = now.Truncate(time.Second)
	}
	row.LastTime = now.Truncate(time.Second)
	t.rows[id] = row
}

// list returns all rows in a fixed order.
func (t *instances) list() []Instance {
	t.mu.Lock()
	defer t.mu.Unlock()
	rows := make([]Instance, 0, len(t.rows))
	for _, row := range t.rows {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.App, b.App), cmp.Compare(a.IP, b.IP), cmp.Compare(a.Cluster, b.Cluster),
			cmp.Compare(a.DataCenter, b.DataCenter), cmp.Compare(a.ConfigApp, b.ConfigApp), cmp.Compare(a.Namespace, b.Namespace))
	})
	return rows
}
