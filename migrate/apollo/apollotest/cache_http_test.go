package apollotest_test

import (
	"strings"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

// refuses reports whether a node refuses an unsigned request.
func refuses(t *testing.T, node *apollotest.Node) bool {
	t.Helper()
	return get(t, node.URL+target).status == 401
}

// A change is seen within a second, by each node at its own time, and the end
// of a key within a minute.
func TestNodesSeeChangesLate(t *testing.T) {
	t.Parallel()
	a, clock := begin(t, apollotest.Options{Nodes: 2}, filter(secret))
	a.Nodes[1].Freeze(true)
	id := a.Keys("demo")[0].ID
	a.EditKey("demo", id, func(key *apollotest.Key) { key.Mode = apollotest.Observer })
	if !refuses(t, a.Nodes[0]) {
		t.Error("the change is seen at once")
	}
	clock.advance(time.Second)
	if refuses(t, a.Nodes[0]) || !refuses(t, a.Nodes[1]) {
		t.Error("after a second the first node has not seen it, or the one that is frozen has")
	}
	a.Nodes[1].Freeze(false)
	if refuses(t, a.Nodes[1]) {
		t.Error("a node that scans again has not caught up")
	}
	log := strings.Join(logOf(t, a.Nodes[0]), "\n")
	if !strings.Contains(log, "Found Accesskey changes, old: AccessKey{") || !strings.Contains(log, "secret="+secret) {
		t.Errorf("apollo §3 trap 7: the log holds no secret in clear:\n%s", log)
	}
}

func TestDeletedKeyIsKeptForAMinute(t *testing.T) {
	t.Parallel()
	a, clock := begin(t, apollotest.Options{}, filter(secret))
	path := a.Admin.URL + "/apps/demo/accesskeys/1"
	a.EditKey("demo", 1, func(key *apollotest.Key) { key.Enabled = false })
	if got := ask(t, "DELETE", path+"?operator=x", ""); got.status != 200 || len(a.Keys("demo")) != 0 {
		t.Fatalf("%v, keys %v", got, a.Keys("demo"))
	}
	clock.advance(30 * time.Second)
	if !refuses(t, a.Nodes[0]) {
		t.Error("the key is gone too early, or that it was disabled just before is seen")
	}
	clock.advance(30 * time.Second)
	if refuses(t, a.Nodes[0]) {
		t.Error("the key is still there after a minute")
	}
}

// Apollo's issue 5483: create and enable within a second, with a scan between.
func TestSecondChangeOfASecond(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"2.4.0": false, "2.5.0": true} {
		a, clock := begin(t, apollotest.Options{Version: version})
		// A tick lies in the middle of a second of the table.
		clock.set(clock.now().Truncate(time.Second).Add(700 * time.Millisecond))
		id := a.AddKey("demo", secret, apollotest.Filter, false)
		clock.advance(100 * time.Millisecond)
		refuses(t, a.Nodes[0])
		a.EditKey("demo", id, func(key *apollotest.Key) { key.Enabled = true })
		clock.advance(10 * time.Second)
		if refuses(t, a.Nodes[0]) != want {
			t.Errorf("%s: the second change is seen: %v", version, !want)
		}
		a.EditKey("demo", id, func(key *apollotest.Key) { key.ModifiedBy = "touch" })
		clock.advance(time.Second)
		if !refuses(t, a.Nodes[0]) {
			t.Errorf("%s: the key was touched again, and is not seen", version)
		}
	}
}

// What changes nothing is not written, so it does not touch a key.
func TestSameAgain(t *testing.T) {
	t.Parallel()
	a, clock := begin(t, apollotest.Options{}, observer(secret))
	before := a.Keys("demo")[0].LastTime
	for operator, touched := range map[string]bool{"apollo": false, "lee": true} {
		clock.advance(time.Minute)
		ask(t, "PUT", a.Admin.URL+"/apps/demo/accesskeys/1/enable?mode=1&operator="+operator, "")
		if after := a.Keys("demo")[0].LastTime; !after.Equal(before) != touched {
			t.Errorf("%s: LastTime %s, it was %s", operator, after, before)
		}
		a.EditKey("demo", 1, func(key *apollotest.Key) { key.ModifiedBy = "apollo" })
		before = a.Keys("demo")[0].LastTime
	}
}
