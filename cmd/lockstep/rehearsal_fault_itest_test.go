//go:build itest

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

// A mishap befalls the third app of a batch of four: the first two are done
// by then, unless it can be known before that it cannot be done.
type mishap struct {
	name   string
	befall func(r *rehearsal, app string)
	mend   func(r *rehearsal, app string)

	status int
	says   string
	done   int  // apps that enforce when apply gives up
	lost   bool // the journal is lost before the way back
}

func mishaps() []mishap {
	ease := func(r *rehearsal, _ string) {
		r.apollo.Admin.Clear()
		r.apollo.Nodes[1].Clear()
		r.apollo.Nodes[1].Freeze(false)
	}
	return []mishap{
		{
			name: "a node does not answer once a mode is set",
			befall: func(r *rehearsal, app string) {
				// Before anything is done it is asked twice, each time unsigned and signed.
				r.apollo.Nodes[1].Inject(apollotest.Fault{Kind: apollotest.FaultCut, Match: "GET /configs/" + app + "/", Skip: 4})
			},
			mend: ease, status: statusIncomplete, says: "stopped at key/%s/k1: ", done: 3, lost: true,
		},
		{
			name: "a mode that does not take",
			befall: func(r *rehearsal, app string) {
				r.apollo.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultIgnored, Match: "PUT /apps/" + app + "/"})
			},
			mend: ease, status: statusIncomplete, says: "stopped at key/%s/k1: ", done: 2,
		},
		{
			name: "a key that somebody disables by hand meanwhile",
			befall: func(r *rehearsal, app string) {
				r.apollo.EditKey(app, r.apollo.Keys(app)[0].ID, func(key *apollotest.Key) { key.Enabled, key.ModifiedBy = false, "lee" })
			},
			mend: func(r *rehearsal, app string) {
				r.apollo.EditKey(app, r.apollo.Keys(app)[0].ID, func(key *apollotest.Key) { key.Enabled, key.ModifiedBy = true, "lee" })
			},
			status: statusFindings, says: "Apollo's key of key/%s/k1 is not as it was when the plan was made", done: 0,
		},
		{
			name: "500 half-way through the batch",
			befall: func(r *rehearsal, app string) {
				r.apollo.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultError, Match: "PUT /apps/" + app + "/"})
			},
			mend: ease, status: statusIncomplete, says: "stopped at key/%s/k1: ", done: 2, lost: true,
		},
	}
}

// TestRehearsalFaults lets a batch go wrong in the ways that matter, takes it
// back, with the journal and without, and in the end enforces all the same.
func TestRehearsalFaults(t *testing.T) {
	w := newWorld(t, fleet{apps: 8, comes: map[time.Duration]int{time.Hour: 16}})
	w.db = apollotest.StartMariaDB(t, time.Now())
	r := w.begin()
	r.today = dayOne.Add(16*time.Hour + time.Minute)
	r.mornings(1)
	r.step(r.replayed)
	for _, m := range mishaps() {
		t.Run(m.name, func(t *testing.T) {
			r.suffer(t, &m)
		})
	}
	r.mornings(8)
	r.step(r.replayed)
	if state := r.state(r.replayed); state.Status != "done" {
		t.Errorf("in the end: %+v", state)
	}
	if len(r.rejected) > 0 {
		t.Errorf("%d requests were refused, the first of %s", len(r.rejected), r.rejected[0])
	}
}

// mornings come, each with its look.
func (r *rehearsal) mornings(n int) {
	r.t.Helper()
	for range n {
		r.live(r.today)
		r.look()
		r.today = r.today.Add(day)
	}
}

// suffer has a mishap befall the batch that is to enforce all apps.
func (r *rehearsal) suffer(t *testing.T, m *mishap) {
	t.Helper()
	r.mornings(8)
	plan := r.propose(r.replayed)
	if len(plan.Batches) != 1 || len(plan.Batches[0].Steps) != 4 {
		t.Fatalf("batches %+v, want one of four: %+v", plan.Batches, r.state(r.replayed))
	}
	app := strings.Split(plan.Batches[0].Steps[2].Subject, "/")[1]
	m.befall(r, app)
	applied := r.lockstep(r.applyBatch(r.replayed, plan.Batches[0].ID)...)
	if says := fmt.Sprintf(m.says, app); applied.status != m.status || !strings.Contains(applied.stderr, says) {
		t.Errorf("status %d, want %d and %s:\n%s%s", applied.status, m.status, says, applied.stdout, applied.stderr)
	}
	if n := r.enforcing(); n != m.done {
		t.Errorf("%d apps enforce after it, want %d", n, m.done)
	}
	m.mend(r, app)
	r.retreat(t, m)
}

// retreat rolls everything back, and makes sure that everybody passes.
func (r *rehearsal) retreat(t *testing.T, m *mishap) {
	t.Helper()
	if m.lost {
		r.check(os.Remove(filepath.Join(filepath.Dir(r.replayed.rollout), "journal.jsonl")))
	}
	back := r.lockstep("migrate", "rollback", "--rollout", r.replayed.rollout, "--policy", r.path("lockstep.yaml"),
		"--target", "apollo", "--all", "--reason", m.name)
	if back.status != statusOK {
		t.Errorf("rollback: status %d\n%s%s", back.status, back.stdout, back.stderr)
	}
	if n := r.enforcing(); n != 0 {
		t.Errorf("%d apps enforce after the rollback", n)
	}
	for _, a := range r.apps {
		for _, node := range r.apollo.Nodes {
			if status := r.get(node.URL+"/configs/"+a.id+"/default/lockstep-probe", nil); status == 401 {
				t.Errorf("%s still refuses requests for %s", node.Name, a.id)
			}
		}
	}
}

// enforcing counts the apps that have an enforcing key in Apollo.
func (r *rehearsal) enforcing() int {
	n := 0
	for _, app := range r.apps {
		for _, key := range r.apollo.Keys(app.id) {
			if key.Enabled && key.Mode == apollotest.Filter {
				n++
			}
		}
	}
	return n
}
