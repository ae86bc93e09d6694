//go:build itest

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// A half is the apps that are rolled out by one kind of evidence: replayed
// access logs, or the service's own log beside its inventory.
type half struct {
	name    string
	rollout string   // path
	logs    []string // flags
}

// A rehearsal is a world with the people who roll access keys out in it, by
// the command line alone.
type rehearsal struct {
	*world
	replayed, listed *half
	named            map[string]string // by address
	printed          bytes.Buffer      // all that was ever shown to people
	today            time.Time         // of the next look
}

// begin writes what people write: a policy, two rollouts and an inventory.
func (w *world) begin() *rehearsal {
	w.t.Helper()
	r := &rehearsal{world: w, named: map[string]string{}}
	for _, dir := range []string{"replayed", "listed", "keys", "events"} {
		w.check(os.Mkdir(w.path(dir), 0o755))
	}
	r.replayed = &half{"replayed", w.path("replayed", "rollout.yaml"), []string{"--logs", w.path("events")}}
	r.listed = &half{"listed", w.path("listed", "rollout.yaml"), []string{"--logs", w.path("logs", "node*", "apollo-configservice.log*"), "--dialect", "service"}}
	w.write(w.path("admin.token"), "c4n4ry-admin")
	nodes := w.apollo.Nodes
	w.write(w.path("lockstep.yaml"), fmt.Sprintf(`version: 1
environments:
  pro:
    tier: production
    nodes: [node1, node2]
    apollo:
      admin: %s
      token: file:admin.token
      nodes: [%s, %s]
mappings:
  service: {preset: apollo, environment: pro, timezone: Asia/Shanghai, nodes: [node1, node2], max_gap: 6h}
  node1: {preset: tomcat, environment: pro, node: '"node1"', nodes: [node1], max_gap: 6h}
  node2: {preset: tomcat, environment: pro, node: '"node2"', nodes: [node2], max_gap: 6h}
`, w.apollo.Admin.URL, nodes[0].URL, nodes[1].URL))
	w.write(w.path("inventory.yaml"), "version: 1\nclients: []\n")
	for _, h := range []*half{r.replayed, r.listed} {
		w.write(h.rollout, r.firstRollout(h))
	}
	return r
}

// firstRollout lists the keys of half of the apps, none of them in use.
func (r *rehearsal) firstRollout(h *half) string {
	var b strings.Builder
	b.WriteString("version: 1\nenvironment: pro\ntier: production\nsubjects:\n")
	for _, app := range r.apps {
		if app.replayed != (h == r.replayed) {
			continue
		}
		r.write(r.path("keys", app.id), app.secret)
		fmt.Fprintf(&b, "  key/%s/k1: {mode: disabled, since: %s, secret: file:../keys/%s}\n", app.id, dayOne.Format(time.RFC3339), app.id)
	}
	return b.String()
}

// A command is what came of a command line.
type command struct {
	status         int
	stdout, stderr string
}

// lockstep carries out a command line in this process, at the world's time.
func (r *rehearsal) lockstep(args ...string) command {
	r.t.Helper()
	var stdout, stderr bytes.Buffer
	p := &process{
		stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, now: r.now, sleep: r.sleep,
		getenv: func(name string) string { return map[string]string{"DB_PASSWORD": apollotest.ReaderPassword}[name] },
	}
	status := p.run(r.t.Context(), append([]string{"lockstep"}, args...))
	r.printed.Write(stdout.Bytes())
	r.printed.Write(stderr.Bytes())
	return command{status, stdout.String(), stderr.String()}
}

// must wants one of some exit statuses.
func (r *rehearsal) must(statuses []int, args ...string) command {
	r.t.Helper()
	c := r.lockstep(args...)
	if !slices.Contains(statuses, c.status) {
		r.t.Fatalf("%s: status %d of lockstep %s:\n%s%s", r.now().Format(time.RFC3339), c.status, strings.Join(args, " "), c.stdout, c.stderr)
	}
	return c
}

// look is a morning: the inventory is renewed and yesterday's access logs are
// replayed; whoever is wrong is told.
func (r *rehearsal) look() {
	r.t.Helper()
	r.count()
	for _, node := range r.apollo.Nodes {
		r.replay(node)
	}
	r.readServiceLog()
}

// count renews the inventory from the database.
func (r *rehearsal) count() {
	r.t.Helper()
	r.check(r.db.Sync(r.t.Context(), r.apollo))
	r.must([]int{0}, "migrate", "inventory", "--from", "mysql://"+apollotest.Reader+"@"+r.db.Address+"/ApolloConfigDB",
		"--password", "env:DB_PASSWORD", "--timezone", "Asia/Shanghai", "--inventory", r.path("inventory.yaml"), "--by", "dana", "-o", r.path("new.yaml"))
	r.check(os.Rename(r.path("new.yaml"), r.path("inventory.yaml")))
}

// replay verifies the slice of a node's access log that was packed last.
func (r *rehearsal) replay(node *apollotest.Node) {
	r.t.Helper()
	packed, err := filepath.Glob(node.AccessLogPath + ".*.gz")
	r.check(err)
	slices.Sort(packed)
	slice := packed[len(packed)-1]
	date := strings.TrimSuffix(strings.TrimPrefix(slice, node.AccessLogPath+"."), ".0.gz")
	out := r.must([]int{0, 1}, "migrate", "verify-log", "--logs", slice, "--dialect", node.Name, "--rollout", r.replayed.rollout,
		"--policy", r.path("lockstep.yaml"), "--format", "json", "-o", r.path("events", date+"-"+node.Name+".jsonl"))
	var report struct {
		Failures []struct {
			App, Client string
			Cause       accesskey.Cause
		}
	}
	r.check(json.Unmarshal([]byte(out.stdout), &report))
	for _, f := range report.Failures {
		r.name(f.App, f.Client, string(f.Cause))
	}
}

// readServiceLog names who fails by the service's own log.
func (r *rehearsal) readServiceLog() {
	r.t.Helper()
	args := append([]string{"migrate", "evidence", "--policy", r.path("lockstep.yaml"), "--format", "json"}, r.listed.logs...)
	out := r.must([]int{0, 4}, args...)
	var report struct {
		Clients []struct {
			App, Client string
			Reasons     map[schemas.Reason]int
		}
	}
	r.check(json.Unmarshal([]byte(out.stdout), &report))
	for _, c := range report.Clients {
		if app := r.app(c.App); app != nil && !app.replayed {
			for _, reason := range slices.Sorted(maps.Keys(c.Reasons)) {
				r.name(c.App, c.Client, string(reason))
			}
		}
	}
}

func (r *rehearsal) app(id string) *fleetApp {
	i := slices.IndexFunc(r.apps, func(a *fleetApp) bool { return a.id == id })
	if i < 0 {
		return nil
	}
	return r.apps[i]
}

// name notes that somebody fails, and why, and has the owner told.
func (r *rehearsal) name(app, client, cause string) {
	if client == "(probe)" {
		return
	}
	id := client + " of " + app
	if before := r.named[id]; before != "" && before != cause {
		cause = before + ", " + cause
	}
	r.named[id] = cause
	for _, c := range r.clients {
		if c.name == client && c.app.id == app {
			r.tell(c)
		}
	}
}

// step takes what steps may be taken in one half.
func (r *rehearsal) step(h *half) {
	r.t.Helper()
	for _, batch := range r.propose(h).Batches {
		applied := r.must([]int{0, 1}, r.applyBatch(h, batch.ID)...)
		if applied.status == 1 {
			return // the batch before has to bake
		}
	}
}

// applyBatch is the command line that applies a batch of the plan of a half.
func (r *rehearsal) applyBatch(h *half, batch string) []string {
	return []string{
		"migrate", "apply", r.path(h.name, "plan.yaml"), "--rollout", h.rollout, "--policy", r.path("lockstep.yaml"),
		"--batch", batch, "--target", "apollo",
	}
}

// propose makes the plan of a half.
func (r *rehearsal) propose(h *half) *schemas.Plan {
	r.t.Helper()
	plan := r.path(h.name, "plan.yaml")
	args := append([]string{
		"migrate", "plan", "--rollout", h.rollout, "--policy", r.path("lockstep.yaml"), "--inventory", r.path("inventory.yaml"),
		"--target", "apollo", "-o", plan,
	}, h.logs...)
	planned := r.must([]int{0, 1, 4}, args...)
	source, err := os.ReadFile(plan)
	if err != nil {
		r.t.Fatalf("%v\n%s%s", err, planned.stdout, planned.stderr)
	}
	doc, err := schemas.ParseDocument(plan, source)
	r.check(err)
	decoded, err := schemas.DecodePlan(doc)
	r.check(err)
	return decoded
}

// state says where a half stands, as status does by JSON.
func (r *rehearsal) state(h *half) (report struct {
	Status   string
	Enforced int
	Subjects []struct {
		Subject string
		Status  string
		Reasons []string
	}
},
) {
	r.t.Helper()
	args := append([]string{
		"migrate", "status", "--rollout", h.rollout, "--policy", r.path("lockstep.yaml"), "--inventory", r.path("inventory.yaml"),
		"--target", "apollo", "--format", "json",
	}, h.logs...)
	out := r.lockstep(args...)
	r.check(json.Unmarshal([]byte(out.stdout), &report))
	return report
}

func (w *world) write(path, text string) {
	w.t.Helper()
	w.check(os.WriteFile(path, []byte(text), 0o600))
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
