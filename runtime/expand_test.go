package runtime

import (
	"net/http"
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
	w.opts.Expand = func(config []byte) (*schemas.Expansion, error) {
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
