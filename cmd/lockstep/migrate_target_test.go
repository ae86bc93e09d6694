package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

// A targetSite is a directory with a policy that names an Apollo, at a moment
// that moves only where somebody sleeps.
type targetSite struct {
	*apollotest.Apollo
	t   *testing.T
	dir string
	all strings.Builder // that was ever printed

	mu sync.Mutex
	at time.Time
}

func (r *targetSite) now() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

func (r *targetSite) sleep(ctx context.Context, d time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = r.at.Add(d)
	return ctx.Err()
}

// newTargetSite has an Apollo with one app, demo, whose key observes.
func newTargetSite(t *testing.T) *targetSite {
	t.Helper()
	r := &targetSite{t: t, dir: t.TempDir(), at: time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC)}
	r.Apollo = apollotest.Start(t, apollotest.Options{Now: r.now, Nodes: 2, AdminToken: "CANARY-token"})
	r.AddApp(apollotest.App{ID: "demo"})
	r.AddKey("demo", "CANARY-secret", apollotest.Observer, true)
	_ = r.sleep(t.Context(), time.Minute)
	r.write("admin.token", "CANARY-token\n")
	r.write("lockstep.yaml", fmt.Sprintf("version: 1\nenvironments:\n  eu:\n    tier: staging\n    nodes: [n1]\n    apollo: {admin: %q, token: file:admin.token, nodes: [%q, %q]}\n",
		r.Admin.URL, r.Nodes[0].URL, r.Nodes[1].URL))
	return r
}

func (r *targetSite) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *targetSite) read(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// run carries out a command line; a word that begins with @ is a file of the
// directory. It insists on the exit status, and on what is printed.
func (r *targetSite) run(status int, line string, want ...string) {
	r.t.Helper()
	var out bytes.Buffer
	p := &process{
		stdin: strings.NewReader(""), stdout: &out, stderr: &out, getenv: func(string) string { return "" },
		now: r.now, sleep: r.sleep,
	}
	args := strings.Fields("lockstep migrate " + line)
	for i, arg := range args {
		if name, isFile := strings.CutPrefix(arg, "@"); isFile {
			args[i] = filepath.Join(r.dir, name)
		}
	}
	if got := p.run(r.t.Context(), args); got != status {
		r.t.Fatalf("%s: exit status %d, want %d\n%s", line, got, status, out.String())
	}
	for _, text := range want {
		if !strings.Contains(out.String(), text) {
			r.t.Errorf("%s: does not print %q:\n%s", line, text, out.String())
		}
	}
	r.all.WriteString(out.String())
}

func (r *targetSite) stop(stop func() error) {
	r.t.Helper()
	if err := stop(); err != nil {
		r.t.Fatal(err)
	}
}

// clean makes sure that nothing that was printed or written holds a secret.
func (r *targetSite) clean() {
	r.t.Helper()
	files, err := os.ReadDir(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "admin.token" && f.Name() != "keys" {
			r.all.WriteString(r.read(f.Name()))
		}
	}
	if strings.Contains(r.all.String(), "CANARY") {
		r.t.Errorf("a secret or the token was printed or written:\n%s", r.all.String())
	}
}

// From what is there today to enforced, a hand edit that is seen, and back. It
// runs beside no other test, as the flag library keeps a flag for all of them.
func TestTargetApollo(t *testing.T) {
	r := newTargetSite(t)
	const act, inputs = " --rollout @rollout.yaml --policy @lockstep.yaml --target apollo", " --rollout @rollout.yaml --policy @lockstep.yaml --logs @events.jsonl --target apollo"
	r.run(0, "import --from apollo --environment eu --policy @lockstep.yaml -o @rollout.yaml", "apps: 1\nkeys: 1\n")
	r.run(2, "import --from apollo --environment eu --policy @lockstep.yaml -o @rollout.yaml", "is there already")
	history, err := historyOf(8)
	if err != nil {
		t.Fatal(err)
	}
	r.write("events.jsonl", string(history))
	r.run(30, "status"+inputs, "eu (staging) at 2026-11-21 12:31Z: inconclusive",
		"unknown: key/demo/k1 cannot be compared with Apollo: secret file:keys/demo-k1.key: ", "next: put the secrets where their references lead")
	if err := os.Mkdir(filepath.Join(r.dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.write("keys/demo-k1.key", "CANARY-secret\n")
	r.write("rollout.yaml", strings.Replace(r.read("rollout.yaml"), "2026-11-21T12:30:00Z\n    secret", "2026-11-01T00:00:00Z\n    secret", 1)) // it was observed long before
	r.run(0, "status"+inputs, "eu (staging) at 2026-11-21 12:31Z: ready")
	r.run(0, "plan"+inputs+" -o @plan.yaml", "observe → enforce: promote")
	r.run(0, "replay @plan.yaml --rollout @rollout.yaml --policy @lockstep.yaml --logs @events.jsonl", "the same byte for byte")
	r.run(0, "apply @plan.yaml --dry-run"+act, "dry run, nothing has been changed", "observe → enforce")
	r.run(0, "apply @plan.yaml"+act, "key/demo/k1  observe → enforce")
	r.run(0, "apply @plan.yaml"+act, "nothing to do: this batch has been applied already")
	r.run(0, "status"+inputs, "done")
	if k := r.Keys("demo")[0]; !k.Enabled || k.Mode != apollotest.Filter || k.ModifiedBy != "lockstep" {
		t.Errorf("Apollo has %+v, want the key enforced", k)
	}
	r.EditKey("demo", 1, func(k *apollotest.Key) { k.Enabled, k.ModifiedBy = false, "kim" })
	r.run(40, "status"+inputs, "drift: Apollo has key/demo/k1 in mode disabled since 2026-11-21 12:31Z by kim, the rollout in mode enforce")
	r.EditKey("demo", 1, func(k *apollotest.Key) { k.Enabled, k.Mode = true, apollotest.Filter })
	r.run(0, "rollback --all --reason test"+act, "key/demo/k1  enforce → observe")
	r.run(0, "rollback --all --reason test"+act, "nothing to do")
	r.run(0, "journal verify @journal.jsonl", "and none was altered")
	if k := r.Keys("demo")[0]; !k.Enabled || k.Mode != apollotest.Observer {
		t.Errorf("Apollo has %+v, want the key observed", k)
	}
	r.clean()
}

// What cannot be done is told by exit status: 2 what was typed or configured, 1
// what must not be done, 4 what Apollo does not do. Without --target nobody is
// dialled.
func TestTargetApolloFails(t *testing.T) {
	r := newTargetSite(t)
	const files = " --rollout @rollout.yaml --policy @lockstep.yaml"
	r.run(0, "import --from apollo --environment eu --policy @lockstep.yaml -o @rollout.yaml")
	if err := os.Mkdir(filepath.Join(r.dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	r.write("keys/demo-k1.key", "CANARY-secret\n")
	r.write("rollout.yaml", strings.Replace(r.read("rollout.yaml"), "2026-11-21T12:30:00Z\n    secret", "2026-11-01T00:00:00Z\n    secret", 1))
	history, err := historyOf(8)
	if err != nil {
		t.Fatal(err)
	}
	r.write("events.jsonl", string(history))
	r.run(2, "rollback --all --reason test --target mysql"+files, `there is no target "mysql"`, "hint: use file or apollo")
	r.run(2, "rollback --all --reason test --target apollo --rollout @rollout.yaml", "the policy names no Apollo for environment eu")
	r.run(2, "import --from consul --environment eu --policy @lockstep.yaml -o @new.yaml", `there is nothing to import from "consul"`)
	r.run(2, "import --from apollo --environment us --policy @lockstep.yaml -o @new.yaml", "the policy has no environment us", "hint: the environments are eu")
	r.run(2, "import --from apollo --environment eu --app dmeo --policy @lockstep.yaml -o @new.yaml", `no such app: "dmeo"; Apollo has "demo"`, `hint: did you mean "demo"?`)
	if _, err := os.Stat(filepath.Join(r.dir, "new.yaml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a rollout of no app was written: %v", err)
	}
	r.run(2, "evidence --logs @events.jsonl --environment uu --policy @lockstep.yaml", "the policy has no environment uu")
	r.run(2, "verify-log --logs @events.jsonl --dialect tomcat --environment uu --policy @lockstep.yaml", "the policy has no environment uu")
	r.run(2, "import --from apollo --environment eu --policy @lockstep.yaml -o -", "the output has to be a file")
	r.run(4, "import --from apollo --environment eu --policy @lockstep.yaml -o @none/new.yaml", "there is no such directory")
	r.run(2, "inventory --from mysql://reader@127.0.0.1:1/x --timezone UTC --password CANARY-secret -o @new.yaml", "--password: a secret has to be a reference")
	r.run(2, "inventory --from mysql://reader@127.0.0.1:1/x --timezone UTC --lookback 1x -o @new.yaml", "--lookback: not a duration")
	r.write("admin.token", "CANARY-token\nCANARY-secret\n")
	r.run(2, "import --from apollo --environment eu --policy @lockstep.yaml -o @new.yaml", "the token of Apollo has a line break", "hint: write it on one line")
	r.write("admin.token", "CANARY-token\n")
	before := len(r.Admin.Requests())
	r.run(0, "plan -o @blind.yaml --logs @events.jsonl"+files)
	r.run(0, "status --logs @events.jsonl"+files)
	if got := r.Admin.Requests()[before:]; len(got) != 0 {
		t.Errorf("Apollo was asked without --target: %q", got)
	}
	r.run(1, "apply @blind.yaml --target apollo"+files, "the plan does not say how the keys were in Apollo when it was made", "hint: make it anew with `lockstep migrate plan --target apollo`")
	r.run(0, "plan -o @plan.yaml --target apollo --logs @events.jsonl"+files)
	r.stop(r.Nodes[1].Stop)
	r.run(4, "apply @plan.yaml --target apollo"+files, "app demo, before anything was done: node "+r.Nodes[1].URL, "a request without a signature got no answer")
	r.EditKey("demo", 1, func(k *apollotest.Key) { k.Mode = apollotest.Filter })
	r.run(1, "apply @plan.yaml --target apollo"+files, "Apollo's key of key/demo/k1 is not as it was when the plan was made")
	r.run(4, "rollback --all --reason test --target apollo"+files, "in Apollo: enforce → observe", "the rollout file has stepped back, but Apollo is not known to have", "hint: roll back again")
	r.stop(r.Admin.Stop)
	r.run(4, "status --target apollo --logs @events.jsonl"+files, "list the keys of app demo", "hint: check the URL under `apollo` of the environment")
	r.run(4, "rollback --all --reason test --target apollo"+files, "list the keys of app demo")
	r.clean()
}
