package runtime

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// model is what should be served, kept by the rules and nothing else: of each
// listener its last good version, of each endpoint who may call it.
type model struct {
	served    map[listenerID]string // upstream
	app       map[string]string     // of the endpoints that there are; empty: anybody may call
	listeners map[string]bool       // names of all listeners, and whether they are good
}

// modelEdit is a random edit of config and policy.
type modelEdit struct {
	broken  string // fault of the document; nothing else counts then
	entries []modelEntry
	apps    map[string]string // by endpoint; one that is missing is not in the policy
}

type modelEntry struct {
	endpoint, upstream string // neither in one that nobody can tell
	fault              string // of [modelFaults]; empty if it is good
}

// modelFaults break an entry, each in another place on its way.
func modelFaults() map[string]string {
	return map[string]string{
		"schema": ", timout: 1s", "decoder": ", tls: [1]", "builder": ", protocol: udp", "files": ", tls: {root_cas: none.pem}",
		"gate": ", http_client: {max_idle_conns: 1}",
	}
}

// strictApp is the app whose key is enforced; of the other one there is none.
const (
	strictApp = "strict"
	looseApp  = "loose"
)

// step is what the rules say becomes of the model. An edit of the document
// that makes no sense changes nothing.
func (m *model) step(e modelEdit) {
	if e.broken != "" {
		return
	}
	next := model{served: map[listenerID]string{}, app: map[string]string{}, listeners: map[string]bool{}}
	faults, nameless := map[listenerID]bool{}, false
	wanted := map[listenerID]string{}
	ordinals := map[string]int{}
	for i, entry := range e.entries {
		if entry.endpoint == "" {
			nameless = true
			next.listeners[fmt.Sprintf("listeners[%d]", i)] = false
			continue
		}
		ordinals[entry.endpoint]++
		id := listenerID{entry.endpoint, ordinals[entry.endpoint]}
		wanted[id], faults[id] = entry.upstream, entry.fault != ""
	}
	for id := range m.served {
		if _, listed := wanted[id]; !listed && nameless {
			wanted[id], faults[id] = "", true
		}
	}
	for id := range wanted {
		next.app[id.endpoint] = ""
	}
	for endpoint := range next.app {
		next.callers(m, e, endpoint, faults)
	}
	for id, upstream := range wanted {
		if faults[id] {
			upstream = m.served[id]
		}
		if upstream != "" {
			next.served[id] = upstream
		}
		next.listeners[(&entry{listenerID: id}).String()] = !faults[id]
	}
	*m = next
}

// callers settles who may call an endpoint, and which of its listeners are
// held for that.
func (m *model) callers(before *model, e modelEdit, endpoint string, faults map[listenerID]bool) {
	held := false
	for id, fault := range faults {
		held = held || (fault && id.endpoint == endpoint)
	}
	was, asked := before.app[endpoint], e.apps[endpoint]
	_, listed := e.apps[endpoint]
	m.app[endpoint] = asked
	if was != "" && (!listed || held) {
		m.app[endpoint] = was
	}
	if was == strictApp && m.app[endpoint] == looseApp {
		m.app[endpoint] = was
		for id := range faults {
			faults[id] = faults[id] || id.endpoint == endpoint
		}
	}
}

// modelWorld is a world whose test applies the files itself.
type modelWorld struct {
	*world
	random    *rand.Rand
	upstreams []string
}

func (w *modelWorld) pick(n int) bool { return w.random.IntN(n) == 0 }

// edit makes up an edit, mostly of what is good.
func (w *modelWorld) edit() modelEdit {
	e := modelEdit{apps: map[string]string{}}
	if w.pick(10) {
		e.broken = []string{"a: [", "listeners: []\n", "listener: 5\n", "listeners: [{endpoint_id: a, addr: 80, timeout: 5s}]\nx: 1\n"}[w.random.IntN(4)]
		return e
	}
	kinds := slices.Sorted(maps.Keys(modelFaults()))
	for range 1 + w.random.IntN(6) {
		entry := modelEntry{endpoint: string(rune('a' + w.random.IntN(3))), upstream: fmt.Sprintf("u%d", w.random.IntN(len(w.upstreams)))}
		switch {
		case w.pick(12):
			entry = modelEntry{fault: "schema"}
		case w.pick(3):
			entry.fault = kinds[w.random.IntN(len(kinds))]
		}
		e.entries = append(e.entries, entry)
	}
	for _, endpoint := range []string{"a", "b", "c"} {
		if !w.pick(4) {
			e.apps[endpoint] = []string{"", strictApp, looseApp}[w.random.IntN(3)]
		}
	}
	return e
}

// save writes an edit to the files.
func (w *modelWorld) save(e modelEdit) {
	if e.broken != "" {
		w.replace("agent.yaml", e.broken)
		return
	}
	lines := make([]string, len(e.entries))
	for i, entry := range e.entries {
		if entry.endpoint == "" {
			lines[i] = "{addr: 80, timout: 1s}"
			continue
		}
		var u int
		if _, err := fmt.Sscanf(entry.upstream, "u%d", &u); err != nil {
			w.t.Fatal(err)
		}
		lines[i] = listenerLine(entry.endpoint, w.upstreams[u], modelFaults()[entry.fault])
	}
	w.replace("agent.yaml", listenersConfig(lines...))
	policy := "version: 1\nlisteners:\n"
	for endpoint, app := range e.apps {
		auth := "none"
		if app != "" {
			auth = "apollo, app: " + app
		}
		policy += fmt.Sprintf("  %s: {auth: %s}\n", endpoint, auth)
	}
	if len(e.apps) == 0 {
		policy = "version: 1\n"
	}
	w.replace("policy.yaml", policy)
}

// checkStart has [Check] say of the files what a start would: it knows of no
// version before.
func (w *modelWorld) checkStart(e modelEdit) {
	w.t.Helper()
	status, err := Check(w.opts)
	if (err != nil) != (e.broken != "") {
		w.t.Fatalf("check of %+v: %v", e, err)
	}
	good := map[string]int{}
	for _, l := range status.Listeners {
		good[fmt.Sprint(l.EndpointID, l.Err == nil)]++
	}
	for _, entry := range e.entries {
		good[fmt.Sprint(entry.endpoint, entry.fault == "")]--
	}
	for kind, difference := range good {
		if difference != 0 {
			w.t.Fatalf("check of %+v: %s is %d off in %+v", e, kind, difference, status.Listeners)
		}
	}
}

// observe asks every endpoint often enough to meet all its listeners, and
// writes down what is served in the form of the model.
func (w *modelWorld) observe() (served map[string]map[string]bool, listeners map[string]bool) {
	served, listeners = map[string]map[string]bool{}, map[string]bool{}
	for _, endpoint := range []string{"a", "b", "c"} {
		answers := map[string]bool{}
		for range 6 { // as many listeners as an endpoint may have
			answers["signed: "+w.answer(endpoint, sign(w.t, secret1, target)...)] = true
		}
		answers["unsigned: "+fmt.Sprint(w.status(endpoint))] = true
		served[endpoint] = answers
	}
	for _, l := range w.server.Status().Listeners {
		listeners[l.Name] = l.Err == nil
	}
	return served, listeners
}

func (w *modelWorld) answer(endpoint string, headers ...string) string {
	status, body := w.send(http.MethodGet, endpoint, target, headers...)
	if status != http.StatusOK {
		return fmt.Sprint(status)
	}
	_, name, _ := strings.Cut(body, `"name":"`)
	name, _, _ = strings.Cut(name, `"`)
	return name
}

func (w *modelWorld) status(endpoint string) int {
	status, _ := w.send(http.MethodGet, endpoint, target)
	return status
}

// expect is what observe should see.
func (m *model) expect() map[string]map[string]bool {
	served := map[string]map[string]bool{}
	for _, endpoint := range []string{"a", "b", "c"} {
		answers := map[string]bool{}
		for id, upstream := range m.served {
			if id.endpoint == endpoint {
				answers["signed: "+upstream] = true
			}
		}
		app, known := m.app[endpoint]
		switch {
		case !known:
			answers = map[string]bool{"signed: 502": true, "unsigned: 502": true}
		case len(answers) == 0:
			answers = map[string]bool{"signed: 503": true, "unsigned: 503": true}
		case app == strictApp:
			answers["unsigned: 401"] = true
		default:
			answers["unsigned: 200"] = true
		}
		served[endpoint] = answers
	}
	return served
}

// TestIsolationModel makes random edits of up to six listeners, their policy
// and the document, with faults of every kind. After each, every listener
// serves exactly its own last good version to exactly those who may call it.
func TestIsolationModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newModelWorld(t, seed)
			m := &model{app: map[string]string{"a": ""}, served: map[listenerID]string{{"a", 1}: "u0"}, listeners: map[string]bool{"a": true}}
			var history []modelEdit
			for range 40 {
				e := w.edit()
				history = append(history, e)
				w.save(e)
				w.checkStart(e)
				w.server.applier.reload(t.Context(), false)
				m.step(e)
				served, listeners := w.observe()
				if diff := cmp.Diff(m.expect(), served) + cmp.Diff(m.listeners, listeners); diff != "" {
					t.Fatalf("after %d edits (-model +served):\n%s\nlast edits: %+v", len(history), diff, history[max(0, len(history)-2):])
				}
			}
		})
	}
}

// newModelWorld starts a server that does not watch its files.
func newModelWorld(t *testing.T, seed uint64) *modelWorld {
	t.Helper()
	w := &modelWorld{world: newWorld(t, ""), random: rand.New(rand.NewPCG(seed, 5))} //nolint:gosec // edits, not secrets
	for i := range 4 {
		w.upstreams = append(w.upstreams, echo(t, fmt.Sprintf("u%d", i)).URL)
	}
	w.write("agent.yaml", listenersConfig(listenerLine("a", w.upstreams[0], "")))
	w.write("policy.yaml", "version: 1\n")
	w.write("rollout.yaml", rollout("key/"+strictApp+"/k1", "enforce", "file:k1"))
	w.opts.Gate, w.opts.Events = refuseIdle, ""
	var err error
	if w.server, err = New(w.opts); err != nil {
		t.Fatal(err)
	}
	w.server.pace.hold = 0
	s := w.server
	for _, step := range []func(context.Context) error{s.load, s.record, s.serveOps, s.serve} { // but not follow
		if err := step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(w.stop)
	return w
}
