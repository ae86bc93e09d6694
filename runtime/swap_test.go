package runtime

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// caller is a client that sends one request after the other over one
// connection, never tries twice, and keeps its own books.
type caller struct {
	name   string
	signed bool
	sent   uint64
	failed []string
	conn   net.Conn
	reader *bufio.Reader
}

func newCaller(t *testing.T, addr, name string, signed bool) *caller {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &caller{name: name, signed: signed, conn: conn, reader: bufio.NewReader(conn)}
}

// call sends one request. A refusal of an unsigned one is no failure; an
// answer that announces the end of the connection is.
func (c *caller) call(t *testing.T) {
	t.Helper()
	target := "/configs/demo/default/application?ip=" + c.name
	headers := ""
	if c.signed {
		h := sign(t, secret1, target)
		headers = fmt.Sprintf("%s: %s\r\n%s: %s\r\n", h[0], h[1], h[2], h[3])
	}
	c.sent++
	fmt.Fprintf(c.conn, "GET %s HTTP/1.1\r\nHost: svc.example.com\r\n%s\r\n", target, headers)
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		c.failed = append(c.failed, err.Error())
		return
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	ok := resp.StatusCode == http.StatusOK || (!c.signed && resp.StatusCode == http.StatusUnauthorized)
	if err != nil || !ok || resp.Close {
		c.failed = append(c.failed, fmt.Sprintf("%s, close %t, %v", resp.Status, resp.Close, err))
	}
}

// TestHotSwaps changes modes, upstreams and keys 50 times under the feet of
// clients. None of them may fail or lose its connection, and the event log
// has to agree with what they counted themselves.
func TestHotSwaps(t *testing.T) {
	t.Parallel()
	ups := []string{echo(t, "a").URL, echo(t, "b").URL}
	w := newWorld(t, ups[0]).start()
	callers := make([]*caller, 8)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range callers {
		callers[i] = newCaller(t, w.server.Addr(), fmt.Sprintf("10.0.0.%d", i), i%2 == 0)
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					callers[i].call(t)
				}
			}
		})
	}
	for i := 1; i <= 50; i++ {
		if i%2 == 0 {
			w.replace("agent.yaml", agentConfig(ups[i/2%2]))
		} else {
			mode := []string{"observe", "enforce"}[(i+1)/2%2]
			w.replace("rollout.yaml", rollout("key/demo/k1", mode, "file:k1"))
		}
		w.applied(i)
	}
	close(stop)
	wg.Wait()
	w.stop()
	checkBooks(t, w, callers)
}

// checkBooks compares what the callers counted with the event log.
func checkBooks(t *testing.T, w *world, callers []*caller) {
	t.Helper()
	want := map[string]uint64{}
	for _, c := range callers {
		if len(c.failed) > 0 {
			t.Errorf("%s: %d of %d requests failed: %s",
				c.name, len(c.failed), c.sent, strings.Join(c.failed[:min(3, len(c.failed))], "; "))
		}
		if c.signed {
			want["key/demo/k1 "+c.name+" claimed ok"] = c.sent
		} else {
			want["key/demo "+c.name+" claimed fail missing"] = c.sent
		}
	}
	events := w.events(w.opts.Events)
	if diff := cmp.Diff(want, tallied(events)); diff != "" {
		t.Errorf("tallies (-callers +log):\n%s", diff)
	}
	failures, details := uint64(0), uint64(0)
	for _, e := range events {
		details += e.LeftOut
		if e.Kind == "detail" {
			details++
		}
	}
	for _, c := range callers {
		if !c.signed {
			failures += c.sent
		}
	}
	if failures != details {
		t.Errorf("%d failures, %d details written or left out", failures, details)
	}
}

// TestOldConnectionsClose makes sure that a swap leaves no connections to the
// upstream before, also if a request was under way then.
func TestOldConnectionsClose(t *testing.T) {
	t.Parallel()
	arrived, leave := make(chan struct{}), make(chan struct{})
	w := newWorld(t, slowUpstream(t, arrived, leave))
	w.start()
	old := w.server.current.Load()
	statuses := make(chan int, 1)
	go func() { status, _ := w.get("/slow"); statuses <- status }()
	<-arrived
	w.replace("agent.yaml", agentConfig(echo(t, "new").URL))
	w.applied(1)
	for _, p := range old.pools {
		if !p.retired.Load() || p.users.Load() != 1 {
			t.Errorf("pool: retired %t, %d users", p.retired.Load(), p.users.Load())
		}
	}
	if _, body := w.get("/"); !strings.Contains(body, `"name":"new"`) {
		t.Errorf("a new request goes to %s", body)
	}
	close(leave)
	if status := <-statuses; status != http.StatusOK {
		t.Errorf("the request under way got %d", status)
	}
	for _, p := range old.pools {
		w.eventually("release of the old pool", func() bool { return p.users.Load() == 0 })
	}
}

// TestUnchangedUpstreamsStayConnected has a change of modes cost no connection.
func TestUnchangedUpstreamsStayConnected(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL).start()
	before := w.server.current.Load().pools
	w.replace("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.applied(1)
	if diff := cmp.Diff(keysOf(before), keysOf(w.server.current.Load().pools)); diff != "" {
		t.Error(diff)
	}
	for key, p := range w.server.current.Load().pools {
		if before[key] != p || p.retired.Load() {
			t.Errorf("the connections of %s were given up", key)
		}
	}
}

func keysOf[V any](m map[string]V) map[string]bool {
	keys := map[string]bool{}
	for key := range m {
		keys[key] = true
	}
	return keys
}

// TestDuplicatesShareLoad sends requests to listeners with one id in turn.
func TestDuplicatesShareLoad(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.write("agent.yaml", fmt.Sprintf(
		"listeners:\n  - {endpoint_id: svc, addr: %q, timeout: 5s}\n  - {endpoint_id: svc, addr: %q, timeout: 5s}\n",
		echo(t, "a").URL, echo(t, "b").URL))
	w.start()
	seen := map[bool]int{}
	for range 10 {
		_, body := w.get("/")
		seen[strings.Contains(body, `"name":"a"`)]++
	}
	if seen[true] != 5 || seen[false] != 5 {
		t.Errorf("10 requests were shared as %v", seen)
	}
}

// TestFlushIntervalChanges follows the policy.
func TestFlushIntervalChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "8080").start()
	w.replace("policy.yaml", strings.Replace(plainPolicy, "20ms", "1h", 1))
	w.applied(1)
	if got := w.server.current.Load().flush; got != time.Hour {
		t.Errorf("flush interval %v", got)
	}
}
