package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A moment is what all files say at one time, as the model judges it.
type moment struct {
	digest string // of all files
	sound  bool   // the documents are
	served served // by a process that has just started; empty: the listener is faulty
}

// served is what the listeners svc and tls forward to, and the certificate
// that tls shows.
type served struct{ svc, tls string }

// A truth is all that a file may say.
type truth struct {
	dir    string
	good   map[string][]string // texts by name; the certificates and keys of an index fit
	bad    map[string][]string
	places map[string]served // by text of the config
}

// theNames are the inputs; all but the first three are named by those.
func theNames() []string {
	return []string{"agent.yaml", "policy.yaml", "rollout.yaml", "k1", "cert.pem", "key.pem", "ca.pem"}
}

// variants is how many good texts each file has, all as long as another.
const variants = 3

func newTruth(t *testing.T, dir string) *truth {
	t.Helper()
	ca := authority(t)
	r := &truth{dir: dir, good: map[string][]string{}, places: map[string]served{}, bad: map[string][]string{
		"agent.yaml":  {"", "\n", "listeners:\n  - {endpoint_id: svc, addr: ", "listeners: none\n"},
		"policy.yaml": {"", "version: 1\nlistener: {}\n"}, "rollout.yaml": {"", "version: 1\n"}, "k1": {""},
		"cert.pem": {"", "no certificate"}, "key.pem": {"", "no key"}, "ca.pem": {"", "no authority"},
	}}
	for i := range variants {
		cert, key := issue(t, ca, "client")
		for name, text := range map[string]string{
			"policy.yaml": fmt.Sprintf("%s# %d\n", plainPolicy, i), "cert.pem": cert, "key.pem": key,
			"rollout.yaml": fmt.Sprintf("%s# %d\n", rollout("key/demo/k1", "observe", "file:k1"), i),
			"k1":           fmt.Sprintf("%s%d", secret1, i), "ca.pem": fmt.Sprintf("%d\n%s", i, ca.Root()),
		} {
			r.good[name] = append(r.good[name], text)
		}
		r.config(fmt.Sprintf("http://svc-%d", i), served{svc: fmt.Sprintf("svc-%d", i), tls: fmt.Sprintf("tls-%d", i)})
	}
	r.config("nothing.....", served{tls: "tls-0"}) // the fault of one listener
	return r
}

func (r *truth) config(addr string, place served) {
	text := fmt.Sprintf("listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 5s}\n"+
		"  - {endpoint_id: tls, addr: \"https://%s\", timeout: 5s, tls: {cert: %s, key: %s, root_cas: %s}}\n",
		addr, place.tls, r.path("cert.pem"), r.path("key.pem"), r.path("ca.pem"))
	r.good["agent.yaml"] = append(r.good["agent.yaml"], text)
	r.places[text] = place
}

func (r *truth) path(name string) string { return filepath.Join(r.dir, "conf", name) }

// now judges the files as they are.
func (r *truth) now() moment {
	files, index := map[string]content{}, map[string]int{}
	for _, name := range theNames() {
		c := readPlainly(r.path(name))
		files[r.path(name)] = c
		index[name] = -1
		if c.err == nil {
			index[name] = slices.Index(r.good[name], string(c.data))
		}
	}
	m := moment{digest: (&inputs{files: files}).sum()}
	m.sound = index["agent.yaml"] >= 0 && index["policy.yaml"] >= 0 && index["rollout.yaml"] >= 0
	if m.sound {
		m.served = r.places[r.good["agent.yaml"][index["agent.yaml"]]]
		if pair := index["cert.pem"]; pair >= 0 && pair == index["key.pem"] && index["ca.pem"] >= 0 {
			m.served.tls += leafName(r.good["cert.pem"][pair])
		} else {
			m.served.tls = ""
		}
	}
	return m
}

// readPlainly reads what can be read of a regular file. These tests are also
// run by root, who can read what nobody may.
func readPlainly(path string) content {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return contentOf(nil, err)
	case !info.Mode().IsRegular() || info.Mode()&0o400 == 0 || info.Size() > 4<<20:
		return contentOf(nil, errors.ErrUnsupported)
	}
	return contentOf(os.ReadFile(path))
}

// leafName tells certificates apart.
func leafName(text string) string { return fmt.Sprintf(" %x", []byte(text[len(text)/2:][:8])) }

// A sequence edits the files of one server at random, and knows what may be
// served at any time.
type sequence struct {
	*truth
	*tree
	turn   sync.Mutex // held by whoever edits: the test while it is awake, or the server in the middle of a read
	random *rand.Rand
	logger *slog.Logger
	server *Server
	trace  []string      // what was done
	shape  string        // how the files lie
	count  int           // of names made up
	haste  time.Duration // by what pauses are divided
	calm   bool          // nothing happens in the middle of a read

	ever     map[string]bool // digests of sound files and all that was ever right to serve
	versions []string        // digests that may be served: what was there when things were quiet last, and since
	svc, tls []string        // the same for the listeners
}

// note takes in what the files say after each step.
func (q *sequence) note() {
	m := q.now()
	if !m.sound {
		return
	}
	q.versions = append(q.versions, m.digest)
	if m.served.svc != "" {
		q.svc = append(q.svc, m.served.svc)
	}
	if m.served.tls != "" {
		q.tls = append(q.tls, m.served.tls)
	}
	for _, word := range []string{m.digest, m.served.svc, m.served.tls} {
		q.ever[word] = true
	}
}

// serving is what the server does now.
func (q *sequence) serving() (digest string, is served) {
	s := q.server.current.Load()
	if u := s.upstream(listenerID{"svc", 1}); u != nil {
		is.svc = u.target.Host
	}
	if u := s.upstream(listenerID{"tls", 1}); u != nil {
		leaf := u.pool.transport.TLSClientConfig.Certificates[0].Certificate[0]
		for i, cert := range q.good["cert.pem"] {
			if bytes.Contains(leaf, pemBytes(q.t, cert)) {
				is.tls = u.target.Host + leafName(q.good["cert.pem"][i])
			}
		}
	}
	return s.version.Digest, is
}

// consistent makes sure that what is served was on disk at one moment: never
// one file of before and one of after, and never anything bad.
func (q *sequence) consistent() {
	q.t.Helper()
	digest, is := q.serving()
	for _, word := range []string{digest, is.svc, is.tls} {
		if !q.ever[word] {
			q.fail("%s is served and was never right", word)
		}
	}
}

// quiet makes sure that what must hold once nothing happens any more does.
func (q *sequence) quiet() {
	q.t.Helper()
	if faults := q.faults(); len(faults) > 0 {
		q.fail("%s", strings.Join(faults, "\n"))
	}
	digest, is := q.serving()
	q.versions, q.svc, q.tls = []string{digest}, []string{is.svc}, []string{is.tls}
}

// faults is the statement of the model, as far as it does not hold: the files
// are served if they are good, else the last good ones; and each listener by
// itself.
func (q *sequence) faults() []string {
	m, status := q.now(), q.server.Status()
	digest, is := q.serving()
	faults := map[string]error{}
	for _, l := range status.Listeners {
		faults[l.Name] = l.Err
	}
	want := map[string]bool{
		"the digest is the last good one":  slices.Contains(q.versions, digest),
		"svc is the last good one":         slices.Contains(q.svc, is.svc),
		"tls is the last good one":         slices.Contains(q.tls, is.tls),
		"the files are served":             !m.sound || digest == m.digest,
		"bad files are reported, no other": m.sound == (status.Err == nil),
		"svc is as in the files":           m.served.svc == "" || m.served.svc == is.svc,
		"tls is as in the files":           m.served.tls == "" || m.served.tls == is.tls,
		"a fault of svc is, too":           !m.sound || (m.served.svc == "") == (faults["svc"] != nil),
		"a fault of tls is, too":           !m.sound || (m.served.tls == "") == (faults["tls"] != nil),
	}
	var broken []string
	for _, what := range slices.Sorted(maps.Keys(want)) {
		if !want[what] {
			broken = append(broken, fmt.Sprintf("it does not hold that %s: files %+v, served %s %+v, faults %v, %v", what, m, digest, is, status.Err, faults))
		}
	}
	return broken
}

func (q *sequence) fail(format string, args ...any) {
	q.t.Helper()
	q.t.Fatalf("%s\nafter %s", fmt.Sprintf(format, args...), strings.Join(q.trace, "; "))
}

// A sharedSource gives random numbers to several goroutines, in the order in
// which they ask.
type sharedSource struct {
	mu sync.Mutex
	rand.Source
}

func (s *sharedSource) Uint64() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Source.Uint64()
}

func seeded(seed uint64) *rand.Rand {
	return rand.New(&sharedSource{Source: rand.NewPCG(seed, 0)})
}

// idle lets others have their turn.
func (q *sequence) idle(wait func()) {
	q.turn.Unlock()
	defer q.turn.Lock()
	wait()
}

// options serve the files of the truth.
func (q *sequence) options() Options {
	return Options{
		Config: q.path("agent.yaml"), Policy: q.path("policy.yaml"), Rollout: q.path("rollout.yaml"),
		Listen: "127.0.0.1:0", Node: "n1", Now: time.Now, Logger: q.logger,
	}
}
