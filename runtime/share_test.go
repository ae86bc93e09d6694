package runtime

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"lockstep/schemas"
)

// sharePolicy knows its clients by what the proxy in front says of them.
var sharePolicy = strings.NewReplacer(
	"app: demo", "app_from: apollo, identity: [xff, peer]", "20ms", "20ms, trusted_proxies: [127.0.0.0/8]",
).Replace(plainPolicy)

// sharedRollout enforces the key for a share of the clients.
func sharedRollout(share int) string {
	return strings.Replace(rollout("key/demo/k1", "enforce", "file:k1"), "since:", fmt.Sprintf("share: %d, since:", share), 1)
}

// TestShareGrows enforces for more and more of 100 clients, some of whom sign,
// and then for none. At each step the unsigned ones in the share are refused
// and nobody else is, what nothing guards passes for all, and the events say
// who would be next.
func TestShareGrows(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(up.Close)
	w := newWorld(t, up.URL)
	w.write("policy.yaml", sharePolicy)
	w.write("rollout.yaml", sharedRollout(1))
	w.start()
	refused := 0
	for i, share := range []int{1, 10, 50, 100, 0} {
		if share == 0 {
			w.replace("rollout.yaml", rollout("key/demo/k1", "observe", "file:k1"))
		} else if i > 0 {
			w.replace("rollout.yaml", sharedRollout(share))
		}
		w.applied(i)
		for n := range 100 {
			name := fmt.Sprintf("10.9.0.%d", n)
			from := []string{"X-Forwarded-For", "6.6.6.6, " + name} // the first one is the client's own word
			want := http.StatusOK
			if n%10 != 0 && schemas.InShare("demo", name, share) {
				want = http.StatusUnauthorized
				refused++
			}
			headers := from
			if n%10 == 0 {
				headers = append(sign(t, secret1, target), from...)
			}
			if status, _ := w.get(target, headers...); status != want {
				t.Errorf("share %d: %s is answered %d, want %d", share, name, status, want)
			}
			if status, _ := w.get("/services/config?appId=demo", from...); status != http.StatusOK {
				t.Errorf("share %d: %s does not find the config service: %d", share, name, status)
			}
		}
	}
	w.stop()
	counted := 0
	for name, count := range tallied(w.events(w.opts.Events)) {
		if !strings.Contains(name, " verified ") {
			t.Errorf("tally %s", name)
		}
		if strings.HasSuffix(name, "fail missing") {
			counted += int(count) //nolint:gosec // some hundred
		}
	}
	if refused < 90 || counted != 5*90 {
		t.Errorf("%d refused, %d unsigned requests counted", refused, counted)
	}
}

// TestShareOfClaimsAlarms says so where nobody could be in a share.
func TestShareOfClaimsAlarms(t *testing.T) {
	t.Parallel()
	const text = "begin identity with xff, mtls or peer"
	w := newWorld(t, echo(t, "up").URL)
	w.write("rollout.yaml", sharedRollout(20))
	w.start()
	if !w.alarmed(text) {
		t.Errorf("alarms %q", w.server.Status().Alarms)
	}
	w.replace("policy.yaml", sharePolicy)
	w.applied(1)
	if w.alarmed(text) {
		t.Errorf("with another identity: alarms %q", w.server.Status().Alarms)
	}
	w.replace("policy.yaml", plainPolicy)
	w.replace("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.applied(2)
	if w.alarmed(text) {
		t.Errorf("enforced for all: alarms %q", w.server.Status().Alarms)
	}
}
