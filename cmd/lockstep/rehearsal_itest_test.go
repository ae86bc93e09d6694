//go:build itest

package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// TestRehearsal rolls access keys out for a whole fleet, in two months of its
// own time and by the command line alone: everybody ends up enforced, nobody
// is refused on the way, and who is wrong is told why.
func TestRehearsal(t *testing.T) {
	w := newWorld(t, wholeFleet())
	w.db = apollotest.StartMariaDB(t, time.Now())
	r := w.begin()
	for n := -fleetHistory + 1; n < 0; n += 7 {
		w.live(dayOne.AddDate(0, 0, n))
		r.count()
	}
	for n := range fleetDays {
		w.live(dayOne.AddDate(0, 0, n).Add(16*time.Hour + time.Minute)) // just after midnight in Shanghai
		r.look()
		r.step(r.replayed)
		r.step(r.listed)
	}
	for _, h := range []*half{r.replayed, r.listed} {
		if state := r.state(h); state.Status != "done" || state.Enforced != len(w.apps)/2 {
			t.Errorf("%s: %+v", h.name, state)
		}
		r.must([]int{0}, "migrate", "journal", "verify", filepath.Join(filepath.Dir(h.rollout), "journal.jsonl"))
	}
	r.checkNamed()
	r.checkApollo()
	r.checkCalls()
	r.checkSecrets()
	if len(r.rejected) > 0 {
		t.Errorf("%d requests were refused, the first of %s", len(r.rejected), r.rejected[0])
	}
}

// checkNamed makes sure that those who were wrong were named, with the cause,
// and nobody else; and that it is known whom to ask.
func (r *rehearsal) checkNamed() {
	r.t.Helper()
	want := map[string]string{}
	doc, err := readDocument(r.path("inventory.yaml"))
	r.check(err)
	inventory, err := schemas.DecodeInventory(doc)
	r.check(err)
	for _, c := range r.clients {
		if c.wrong == nil {
			continue
		}
		want[c.name+" of "+c.app.id] = string(c.wrong.reason)
		if c.app.replayed {
			want[c.name+" of "+c.app.id] = string(c.wrong.cause)
		}
		listed := slices.ContainsFunc(inventory.Clients, func(known schemas.InventoryClient) bool {
			return known.App == c.app.id && known.Client == c.name && strings.HasPrefix(known.Owner, c.app.owner+" <")
		})
		if !listed {
			r.t.Errorf("%s of %s is not in the inventory with its owner", c.name, c.app.id)
		}
	}
	if diff := cmp.Diff(want, r.named); diff != "" {
		r.t.Errorf("clients that were named, with the cause (-want +got):\n%s", diff)
	}
}

// checkApollo asks every node about every app.
func (r *rehearsal) checkApollo() {
	r.t.Helper()
	for _, app := range r.apps {
		for _, key := range r.apollo.Keys(app.id) {
			if !key.Enabled || key.Mode != apollotest.Filter {
				r.t.Errorf("%s: key %d is not enforced", app.id, key.ID)
			}
		}
		for _, node := range r.apollo.Nodes {
			if status := r.get(node.URL+"/configs/"+app.id+"/default/application", nil); status != 401 {
				r.t.Errorf("%s answers an unsigned request for %s with %d", node.Name, app.id, status)
			}
		}
	}
}

// checkCalls makes sure that no step was more than one call: a key is made,
// observed and enforced.
func (r *rehearsal) checkCalls() {
	r.t.Helper()
	calls := map[string]int{}
	for _, request := range r.apollo.Admin.Requests() {
		method, target, _ := strings.Cut(request, " ")
		if _, query, ok := strings.Cut(target, "?"); ok && method == "PUT" {
			method += " " + query
		}
		calls[method]++
	}
	delete(calls, "GET")
	want := map[string]int{
		"POST": len(r.apps), "PUT mode=1&operator=lockstep": len(r.apps), "PUT mode=0&operator=lockstep": len(r.apps),
	}
	if !maps.Equal(calls, want) {
		r.t.Errorf("calls %v, want %v", calls, want)
	}
}

// checkSecrets looks for secrets in all that was shown or written, but for the
// files where they belong and the logs that Apollo itself writes.
func (r *rehearsal) checkSecrets() {
	r.t.Helper()
	hidden := r.hidden()
	if text := r.printed.String(); hidden.Replace(text) != text {
		r.t.Error("a secret was printed")
	}
	r.check(filepath.WalkDir(r.dir, func(path string, entry fs.DirEntry, err error) error {
		name := filepath.Base(path)
		switch {
		case err != nil:
			return err
		case name == "keys" || name == "logs":
			return fs.SkipDir
		case entry.IsDir() || name == "admin.token":
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && hidden.Replace(string(text)) != string(text) {
			r.t.Errorf("there is a secret in %s", path)
		}
		return err
	}))
}
