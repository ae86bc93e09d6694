package runtime

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"lockstep/schemas"
)

// TestExpand: variables are put in the config at start and at each change,
// and what is wrong with one stands at its placeholder, without its value.
func TestExpand(t *testing.T) {
	t.Parallel()
	up := echo(t, "one")
	w := newWorld(t, "${UPSTREAM}")
	w.opts.Rollout, w.opts.Policy = "", ""
	w.opts.Expand = func(config []byte, _ func(string) ([]byte, error)) (*schemas.Expansion, error) {
		return schemas.Expand(config, func(name string) string {
			return map[string]string{"UPSTREAM": up.URL, "BAD": "c4n4ry"}[name]
		})
	}
	w.start()
	if status, _ := w.get("/"); status != http.StatusOK {
		t.Errorf("status %d through a variable", status)
	}
	w.replace("agent.yaml", strings.Replace(agentConfig("$UPSTREAM"), "5s", "$BAD", 1))
	if err := w.held(1, "svc"); !strings.Contains(err, "agent.yaml:2:") || strings.Contains(err, "c4n4ry") {
		t.Errorf("error %s", err)
	}
	w.replace("agent.yaml", strings.Replace(agentConfig("$UPSTREAM"), "timeout: 5s", "timeout: 5s, tls: {root_cas: '$BAD.pem'}", 1))
	if err := w.held(2, "svc"); !strings.Contains(err, "$BAD.pem") || strings.Contains(err, "c4n4ry") {
		t.Errorf("error %s", err)
	}
}

// variables has `$VALUE` of the config stand for what a file holds.
func (w *world) variables(name string) {
	path := w.path(name)
	w.opts.Expand = func(config []byte, read func(string) ([]byte, error)) (*schemas.Expansion, error) {
		value, err := read(path)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		return schemas.Expand(config, func(string) string { return strings.TrimSpace(string(value)) })
	}
}

// TestExpandFile watches the file that variables are from like the config: a
// change is applied and is one of the config, and one that cannot be read
// leaves the last good version.
func TestExpandFile(t *testing.T) {
	t.Parallel()
	w := newStateWorld(t, "$VALUE")
	w.variables("up.env")
	w.write("up.env", echo(t, "one").URL)
	w.start()
	w.replace("up.env", echo(t, "two").URL)
	w.applied(1)
	if _, body := w.get("/"); !strings.Contains(body, `"name":"two"`) {
		t.Errorf("after the change answers %s", body)
	}
	if last := w.server.state.last(); !slices.Equal(last.Changed, []string{roleConfig}) || !slices.Contains(last.Names, w.path("up.env")) {
		t.Errorf("changed %v, files %v", last.Changed, last.Names)
	}
	if err := os.Remove(w.path("up.env")); err != nil {
		t.Fatal(err)
	}
	if err := w.rejected(); !strings.Contains(err, "up.env") {
		t.Error(err)
	}
	if _, body := w.get("/"); !strings.Contains(body, `"name":"two"`) {
		t.Errorf("without the file answers %s", body)
	}
	w.stop()
	w.write("up.env", echo(t, "three").URL)
	w.start()
	if _, body := w.get("/"); !strings.Contains(body, `"name":"three"`) {
		t.Errorf("after a restart answers %s", body)
	}
}
