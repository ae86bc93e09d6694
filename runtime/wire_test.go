package runtime

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/schemas"
)

// A wire is a server whose clock stands still, in front of an upstream that
// notes which requests come through, by the header X-Case.
type wire struct {
	*world

	mu      sync.Mutex
	through map[string]int
}

func newWire(t *testing.T, policy string, subjects ...string) *wire {
	t.Helper()
	w := &wire{through: map[string]int{}}
	up := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.through[r.Header.Get("X-Case")]++
	}))
	t.Cleanup(up.Close)
	w.world = newWorld(t, up.URL)
	w.opts.Now = func() time.Time { return noon }
	w.write("policy.yaml", policy)
	for id := range 3 {
		w.write("k"+strconv.Itoa(id), differKey{id: "k" + strconv.Itoa(id)}.secret()+"\n")
	}
	w.write("rollout.yaml", rollout(subjects...))
	w.start()
	return w
}

// raw sends a request byte for byte and returns the status of the answer, 0 if
// there was none, and whether the request came through.
func (w *wire) raw(id, method, target, headers string) (status int, through bool) {
	w.t.Helper()
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(w.t.Context(), "tcp", w.server.Addr())
	if err != nil {
		w.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: svc.local\r\nX-Case: %s\r\nConnection: close\r\n%s\r\n", method, target, id, headers)
	if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		status = resp.StatusCode
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return status, w.through[id] > 0
}

const derivedPolicy = `version: 1
listeners:
  svc: {auth: apollo, app_from: apollo}
environments:
  fat: {tier: staging}
runtime: {flush_interval: 20ms}
`

// TestNothingRefusedComesThrough sends random requests as they are, over the
// wire: what Apollo would refuse with these keys never reaches the upstream,
// and what it would take does unless lockstep says why not.
func TestNothingRefusedComesThrough(t *testing.T) {
	t.Parallel()
	keys := []differKey{{"demo", "k0", schemas.ModeEnforce}, {"demo", "k1", schemas.ModeObserve}, {"Other", "k1", schemas.ModeEnforce}, {"Other", "k2", schemas.ModeEnforce}}
	var subjects []string
	for _, key := range keys {
		subjects = append(subjects, "key/"+key.app+"/"+key.id, string(key.mode), "file:"+key.id)
	}
	w := newWire(t, derivedPolicy, subjects...)
	random, came := rand.New(rand.NewPCG(11, 12)), 0
	for i := range 1500 {
		c := randomCase(random)
		c.app, c.keys = "", keys
		server, _ := c.apollo()
		var headers strings.Builder
		for name, value := range map[string]*string{"timestamp": c.timestamp, "Authorization": c.authorization} {
			if value != nil {
				trimmed := strings.Trim(*value, " ") // as every server takes it
				*value = trimmed
				fmt.Fprintf(&headers, "%s: %s\r\n", name, trimmed)
			}
		}
		want := server.answer(c.target, c.timestamp, c.authorization)
		status, through := w.raw(strconv.Itoa(i), c.method, c.target, headers.String())
		if through {
			came++
		}
		switch {
		case through && want != 0:
			t.Errorf("%+v came through; Apollo answers %d", c, want)
		case through != (status == http.StatusOK):
			t.Errorf("%+v: status %d, came through %t", c, status, through)
		case want == 0 && !through && plainlyReadable(c.method, c.target) && parses(c.target):
			t.Errorf("%+v did not come through: %d", c, status)
		}
	}
	if came < 100 {
		t.Errorf("only %d came through", came)
	}
}

// parses reports whether net/http takes a target at all.
func parses(target string) bool {
	_, err := url.ParseRequestURI(target)
	return err == nil
}

// TestHeadersOverTheWire sends the two headers in every way that servers read
// differently.
func TestHeadersOverTheWire(t *testing.T) {
	t.Parallel()
	w := newWire(t, derivedPolicy, "key/demo/k0", "enforce", "file:k0")
	const path = "/configs/demo/default/application"
	now := strconv.FormatInt(noon.UnixMilli(), 10)
	right := "Apollo demo:" + plainSignature(differKey{id: "k0"}.secret(), now, path)
	wrong := "Apollo demo:" + plainSignature(differKey{id: "k1"}.secret(), now, path)
	for name, c := range map[string]struct {
		headers string
		status  int
	}{
		"right":                       {"Timestamp: " + now + "\r\nAuthorization: " + right, 200},
		"in lower case":               {"timestamp: " + now + "\r\nauthorization: " + right, 200},
		"blanks around":               {"Timestamp: \t" + now + " \r\nAuthorization:" + right + "\t", 200},
		"wrong":                       {"Timestamp: " + now + "\r\nAuthorization: " + wrong, 401},
		"right, then wrong":           {"Timestamp: " + now + "\r\nAuthorization: " + right + "\r\nAuthorization: " + wrong, 401},
		"wrong, then right":           {"Timestamp: " + now + "\r\nAuthorization: " + wrong + "\r\nAuthorization: " + right, 401},
		"right twice":                 {"Timestamp: " + now + "\r\nAuthorization: " + right + "\r\nauthorization: " + right, 401},
		"time twice":                  {"Timestamp: " + now + "\r\nTIMESTAMP: " + now + "\r\nAuthorization: " + right, 401},
		"an empty one beside":         {"Timestamp: " + now + "\r\nAuthorization: " + right + "\r\nAuthorization:", 401},
		"joined by a comma":           {"Timestamp: " + now + "\r\nAuthorization: " + wrong + ", " + right, 401},
		"folded after the colon":      {"Timestamp: " + now + "\r\nAuthorization:\r\n " + right, 400},
		"folded before the signature": {"Timestamp: " + now + "\r\nAuthorization: Apollo demo:\r\n " + strings.TrimPrefix(right, "Apollo demo:"), 400},
		"folded in the signature":     {"Timestamp: " + now + "\r\nAuthorization: " + right[:20] + "\r\n\t" + right[20:], 400},
		"blank before the colon":      {"Timestamp: " + now + "\r\nAuthorization : " + right, 400},
		"underscore":                  {"Time_stamp: " + now + "\r\nAuthorization: " + right, 401},
		"null byte":                   {"Timestamp: " + now + "\r\nAuthorization: " + right + "\x00", 400},
		"wide letters":                {"Timestamp: " + now + "\r\nAuthorization: Ａpollo dｅmo:" + strings.TrimPrefix(right, "Apollo demo:"), 200}, // scheme and app do not count
		"wide signature":              {"Timestamp: " + now + "\r\nAuthorization: " + right[:20] + "Ａ" + right[21:], 401},
		"digits of another script":    {"Timestamp: ١٨٠٠٠٠٠٠٠٠٠٠٠\r\nAuthorization: " + right, 401},
		"next line":                   {"Timestamp: " + now + "\u0085\r\nAuthorization: " + right, 401},
		"no break space":              {"Timestamp: \u00a0" + now + "\r\nAuthorization: " + right, 401},
		"both lengths":                {"Timestamp: " + now + "\r\nAuthorization: " + wrong + "\r\nContent-Length: 4\r\nTransfer-Encoding: chunked", 400},
		"nothing":                     {"X: y", 401},
	} {
		status, through := w.raw(name, "GET", path, c.headers+"\r\n")
		if status != c.status || through != (status == http.StatusOK) {
			t.Errorf("%s: status %d, came through %t, want %d", name, status, through, c.status)
		}
	}
}
