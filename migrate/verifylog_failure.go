package migrate

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// maxFailures is how many clients and causes are told apart. Anybody can make
// up names of clients.
const maxFailures = 50_000

// A Failure is what a client does wrong, and how often it did.
type Failure struct {
	App    string          `json:"app"`
	Client string          `json:"client"`
	How    schemas.How     `json:"how"`
	Cause  accesskey.Cause `json:"cause"`
	Also   accesskey.Cause `json:"also,omitempty"`  // a second slip in the same requests
	Meant  string          `json:"meant,omitempty"` // the subject of the key by which it was recognised
	Count  uint64          `json:"count"`
	First  time.Time       `json:"first"`
	Last   time.Time       `json:"last"`

	// SkewMS is our clock minus the client's in milliseconds, of its last request; 0 for other causes.
	SkewMS int64 `json:"skew_ms,omitempty"`
}

// A Leak is a client that puts a secret into the query of its requests, as the
// npm client ctrip-apollo-client-ts does: it stands in every access log.
type Leak struct {
	App    string      `json:"app"`
	Client string      `json:"client"`
	How    schemas.How `json:"how"`
	Count  uint64      `json:"count"`
}

// A failureTable counts failures by client and cause.
type failureTable struct {
	failures map[failureKey]*failureCount
	leaking  map[visitorKey]uint64
	limit    int // of each
	full     bool
}

type failureKey struct {
	visitorKey
	cause, also accesskey.Cause
	meant       schemas.Subject
}

type failureCount struct {
	count           uint64
	firstMS, lastMS int64
	skewMS          int64 // of the last
}

func newFailureTable() *failureTable {
	return &failureTable{failures: map[failureKey]*failureCount{}, leaking: map[visitorKey]uint64{}, limit: maxFailures}
}

func (t *failureTable) add(who visitorKey, d accesskey.Diagnosis, ms int64) {
	t.count(failureKey{who, d.Cause, d.Also, d.Subject}, failureCount{1, ms, ms, d.SkewMS})
}

// count adds to a row, or to that of all who are too many.
func (t *failureTable) count(key failureKey, more failureCount) {
	row := t.failures[key]
	if row == nil && len(t.failures) >= t.limit {
		t.full = true
		key.clientKey = clientKey{schemas.OverflowClient, schemas.HowClaimed}
		row = t.failures[key]
	}
	if row == nil {
		key.visitorKey = key.clone()
		t.failures[key] = &more
		return
	}
	row.count = schemas.SumCounts(row.count, more.count)
	row.firstMS = min(row.firstMS, more.firstMS)
	if more.lastMS >= row.lastMS {
		row.lastMS, row.skewMS = more.lastMS, more.skewMS
	}
}

// look notes a request that carries a secret in its query.
func (t *failureTable) look(q *signedRequest) {
	if !q.leaks() {
		return
	}
	t.leak(visitorKey{q.subject.Fold().App, clientKey{q.client, q.how}}, 1)
}

func (t *failureTable) leak(who visitorKey, count uint64) {
	before, known := t.leaking[who]
	switch {
	case known:
		t.leaking[who] = schemas.SumCounts(before, count)
	case len(t.leaking) < t.limit:
		t.leaking[who.clone()] = count
	}
}

// clone frees the names from the block of a log that they stand in.
func (k visitorKey) clone() visitorKey {
	return visitorKey{strings.Clone(k.app), clientKey{strings.Clone(k.name), k.how}}
}

// leaks reports whether there is a parameter by this name, or a key of the app.
func (q *signedRequest) leaks() bool {
	_, query, _ := strings.Cut(q.request.Target, "?")
	if strings.HasPrefix(query, "secret=") || strings.Contains(query, "&secret=") {
		return true
	}
	for _, secret := range q.app.secrets {
		if strings.Contains(query, string(secret.Reveal())) {
			return true
		}
	}
	return false
}

// merge adds what another table has counted, in an order of its own, so that
// the same rows are left out each time.
func (t *failureTable) merge(other *failureTable) {
	for _, key := range slices.SortedFunc(maps.Keys(other.failures), failureKey.compare) {
		t.count(key, *other.failures[key])
	}
	for _, who := range slices.SortedFunc(maps.Keys(other.leaking), visitorKey.compare) {
		t.leak(who, other.leaking[who])
	}
	t.full = t.full || other.full
}

func (k visitorKey) compare(other visitorKey) int {
	return cmp.Or(cmp.Compare(k.app, other.app), k.clientKey.compare(other.clientKey))
}

func (k failureKey) compare(other failureKey) int {
	return cmp.Or(k.visitorKey.compare(other.visitorKey), cmp.Compare(k.cause, other.cause), cmp.Compare(k.also, other.also),
		cmp.Compare(k.meant.App, other.meant.App), cmp.Compare(k.meant.ID, other.meant.ID))
}

func (t *failureTable) list() []Failure {
	list := []Failure{}
	for _, key := range slices.SortedFunc(maps.Keys(t.failures), failureKey.compare) {
		row := t.failures[key]
		f := Failure{
			App: key.app, Client: key.name, How: key.how, Cause: key.cause, Also: key.also,
			Count: row.count, First: utc(row.firstMS), Last: utc(row.lastMS), SkewMS: row.skewMS,
		}
		if key.meant != (schemas.Subject{}) {
			f.Meant = key.meant.String()
		}
		list = append(list, f)
	}
	return list
}

func (t *failureTable) leaks() []Leak {
	list := []Leak{}
	for _, who := range slices.SortedFunc(maps.Keys(t.leaking), visitorKey.compare) {
		list = append(list, Leak{App: who.app, Client: who.name, How: who.how, Count: t.leaking[who]})
	}
	return list
}
