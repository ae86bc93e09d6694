package apollo_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// Apollo §6 (iv): observe: what is unsigned is not refused; enforce: it is, and
// what is signed is not; with several keys that enforce any match passes, and
// those that observe beside them count for nothing (apollo §2).
func TestProbe(t *testing.T) {
	t.Parallel()
	const (
		disabled, observe, enforce = schemas.ModeDisabled, schemas.ModeObserve, schemas.ModeEnforce
	)
	modes := []schemas.Mode{disabled, observe, enforce}
	w := newWorld(t, apollotest.Options{Nodes: 2})
	one, two := w.AddKey("demo", secretOne, apollotest.Filter, false), w.AddKey("demo", secretTwo, apollotest.Filter, false)
	set := func(id int64, mode schemas.Mode) {
		w.EditKey("demo", id, func(k *apollotest.Key) {
			k.Enabled, k.Mode = mode != disabled, apollotest.Filter
			if mode == observe {
				k.Mode = apollotest.Observer
			}
		})
	}
	for _, first := range modes {
		for _, second := range modes {
			set(one, first)
			set(two, second)
			if err := w.store.Probe(t.Context(), "demo", probes(probeKey(secretOne, first), probeKey(secretTwo, second))); err != nil {
				t.Errorf("%s beside %s: %v", first, second, err)
			}
			other := enforce
			if first == enforce {
				other = observe
			}
			err := w.store.Probe(t.Context(), "demo", probes(probeKey(secretOne, other), probeKey(secretTwo, second)))
			if !errors.Is(err, migrate.ErrDisagree) {
				t.Errorf("%s beside %s, and %s was expected: error %v, want %v", first, second, other, err, migrate.ErrDisagree)
			}
		}
	}
}

// A node that does not answer, one that keeps what it had, one that answers
// with something else: each is named, after 5 s at the most, and the others are
// not.
func TestProbeNamesTheNode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault    func(*apollotest.Node) error
		want     string
		disagree bool
		timeout  time.Duration // of a call; the default is not waited for
	}{
		"dead":          {(*apollotest.Node).Stop, "a request without a signature got no answer: dial tcp ", false, 0},
		"keeps its own": {func(n *apollotest.Node) error { n.Freeze(true); return nil }, "a request without a signature passes, and has to be refused", true, 0},
		"hangs": {func(n *apollotest.Node) error {
			n.Inject(apollotest.Fault{Kind: apollotest.FaultHang, Match: "GET /"})
			return nil
		}, "a request without a signature got no answer: ", false, 150 * time.Millisecond},
		"an error": {func(n *apollotest.Node) error {
			n.Inject(apollotest.Fault{Kind: apollotest.FaultError, Match: "GET /configs/"})
			return nil
		}, "a request without a signature was answered with status 500", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, apollotest.Options{Nodes: 3})
			w.store = w.open(func(o *apollo.Options) { o.Timeout = test.timeout })
			w.AddKey("demo", secretOne, apollotest.Observer, true)
			if err := w.store.Probe(t.Context(), "demo", probes(probeKey(secretOne, schemas.ModeObserve))); err != nil {
				t.Fatal(err)
			}
			if err := test.fault(w.Nodes[1]); err != nil {
				t.Fatal(err)
			}
			if err := w.set(schemas.ModeEnforce); err != nil {
				t.Fatal(err)
			}
			start := w.clock.now()
			err := w.store.Probe(t.Context(), "demo", probes(probeKey(secretOne, schemas.ModeEnforce)))
			if !mentions(err, "node "+w.Nodes[1].URL+": "+test.want) || strings.Contains(err.Error(), w.Nodes[0].URL) || errors.Is(err, migrate.ErrDisagree) != test.disagree {
				t.Errorf("error %v, want one about node 2 alone: %s", err, test.want)
			}
			if took := w.clock.now().Sub(start); took < 5*time.Second || took > 6*time.Second {
				t.Errorf("it took %s, want 5s", took)
			}
			clean(t, "the error", err.Error())
		})
	}
}

// A probe asks for a namespace that does not exist: Apollo puts who loads one
// that does into Instance, which is the inventory (apollo §4). And it names
// itself in X-Forwarded-For, which Apollo logs as the client (apollo §3, trap
// 5): our own host is no client that fails.
func TestProbeLeavesNoInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{LogDir: t.TempDir()})
	w.AddKey("demo", secretOne, apollotest.Observer, true)
	_ = w.clock.sleep(t.Context(), time.Second) // the node scans
	if err := w.store.Probe(t.Context(), "demo", probes(probeKey(secretOne, schemas.ModeObserve))); err != nil {
		t.Fatal(err)
	}
	if got := w.Instances(); len(got) != 0 {
		t.Errorf("instances %+v", got)
	}
	want := []string{"GET /apollo/version", "GET /configs/demo/default/lockstep-probe", "GET /configs/demo/default/lockstep-probe"}
	if got := w.Nodes[0].Requests(); !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
	log, err := os.ReadFile(w.Nodes[0].LogPath)
	if err != nil || !strings.Contains(string(log), "clientIp=lockstep-probe,") || strings.Contains(string(log), "clientIp=127.0.0.1") {
		t.Errorf("error %v, the log of the node does not name the probe:\n%s", err, log)
	}
	if err := w.open(func(o *apollo.Options) { o.Nodes = nil }).Probe(t.Context(), "demo", nil); !mentions(err, "no node is known", "apollo.nodes") {
		t.Errorf("without nodes: error %v", err)
	}
}

// A node that has not looked yet lets everything pass, as one does that
// observes. So the probe after a step to observe comes when it has, and the log
// of every node shows it.
func TestProbeComesAfterTheScan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{LogDir: t.TempDir(), Nodes: 2})
	w.AddKey("demo", secretOne, apollotest.Filter, false)
	if err := w.set(schemas.ModeObserve); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Probe(t.Context(), "demo", probes(probeKey(secretOne, schemas.ModeObserve))); err != nil {
		t.Fatal(err)
	}
	for _, n := range w.Nodes {
		if log, err := os.ReadFile(n.LogPath); err != nil || strings.Count(string(log), "in pre-check. appId=demo,clientIp=lockstep-probe,") != 2 {
			t.Errorf("error %v, %s has not logged the probe:\n%s", err, n.Name, log)
		}
	}
}

// Apollo §2: |now - Timestamp| < 60 s. A clock that is off is named, as Apollo
// tells a skew from a wrong signature in its log only.
func TestProbeNamesTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{})
	w.AddKey("demo", secretOne, apollotest.Filter, true)
	ours := &clock{at: w.clock.now().Add(2 * time.Minute)}
	store := w.open(func(o *apollo.Options) { o.Now = ours.now })
	err := store.Probe(t.Context(), "demo", probes(probeKey(secretOne, schemas.ModeEnforce)))
	if !mentions(err, "a request signed with key "+schemas.NewSecret([]byte(secretOne)).Fingerprint()+" is refused, and has to pass; its clock and ours are ") {
		t.Errorf("error %v", err)
	}
}

// Issue 5483: below 2.5 a node misses the second of two changes in a second,
// until the key is touched. The same operator would not touch it, as Hibernate
// writes nothing then; and later versions are left alone.
func TestTouch(t *testing.T) {
	t.Parallel()
	for version, again := range map[string]bool{"2.4.0": true, "2.5.0": false} {
		w := newWorld(t, apollotest.Options{Version: version})
		id := w.AddKey("demo", secretOne, apollotest.Observer, true)
		observed, enforced := probes(probeKey(secretOne, schemas.ModeObserve)), probes(probeKey(secretOne, schemas.ModeEnforce))
		_ = w.clock.sleep(t.Context(), 1800*time.Millisecond)
		w.EditKey("demo", id, func(k *apollotest.Key) { k.ModifiedBy = "lockstep" })
		_ = w.clock.sleep(t.Context(), 400*time.Millisecond) // a node scans in between, and the second goes on
		if err := w.store.Probe(t.Context(), "demo", observed); err != nil {
			t.Fatal(err)
		}
		w.EditKey("demo", id, func(k *apollotest.Key) { k.Mode = apollotest.Filter })
		if err := w.store.Probe(t.Context(), "demo", enforced); errors.Is(err, migrate.ErrDisagree) != again {
			t.Fatalf("%s: error %v, want the node to disagree: %t", version, err, again)
		}
		key, touched, err := w.store.Touch(t.Context(), "demo", w.one())
		if err != nil || touched != again || key.Mode != schemas.ModeEnforce {
			t.Errorf("%s: key %+v, touched %t, error %v", version, key, touched, err)
		}
		if err := w.store.Probe(t.Context(), "demo", enforced); err != nil {
			t.Errorf("%s: after a touch: %v", version, err)
		}
	}
}
