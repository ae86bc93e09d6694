package runtime

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// agePolicy is [plainPolicy] with the least max_stream_age.
var agePolicy = strings.Replace(plainPolicy, "runtime: {", "runtime: {max_stream_age: 1s, ", 1)

// ticking is an upstream that sends a line ten times a second for as long as
// anybody reads: as an answer that does not end, or over an upgraded
// connection if that is asked for.
func ticking(t *testing.T) (addr string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, flush := io.Writer(w), http.NewResponseController(w).Flush
		if r.Header.Get("Upgrade") != "" {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			fmt.Fprint(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ticks\r\n\r\n")
			out, flush = buffered, buffered.Flush
		}
		for {
			if _, err := io.WriteString(out, "tick\n"); err != nil || flush() != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// A stream is an answer that goes on and on.
type stream struct {
	conn  net.Conn
	lines *bufio.Scanner
	ended chan time.Time
}

// stream asks svc for one and waits for its first line.
func (w *world) stream(upgrade bool, headers ...string) *stream {
	w.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", w.server.Addr())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { conn.Close() })
	request := "GET " + target + " HTTP/1.1\r\nHost: svc.example.com\r\n"
	if upgrade {
		request += "Connection: Upgrade\r\nUpgrade: ticks\r\n"
	}
	for i := 0; i < len(headers); i += 2 {
		request += headers[i] + ": " + headers[i+1] + "\r\n"
	}
	fmt.Fprint(conn, request+"\r\n")
	s := &stream{conn: conn, lines: bufio.NewScanner(conn), ended: make(chan time.Time, 1)}
	for s.lines.Scan() && s.lines.Text() != "tick" {
	}
	if s.lines.Err() != nil || s.lines.Text() != "tick" {
		w.t.Fatalf("no stream: %v", s.lines.Err())
	}
	go func() {
		for s.lines.Scan() {
		}
		s.ended <- time.Now()
	}()
	return s
}

// lives reports whether the stream goes on for a while.
func (s *stream) lives(while time.Duration) bool {
	select {
	case <-s.ended:
		return false
	case <-time.After(while):
		return true
	}
}

// TestStreamsAreCut takes back what let streams in, in every way that there
// is: none goes on for longer than max_stream_age.
func TestStreamsAreCut(t *testing.T) {
	t.Parallel()
	enforce := func(id string) string { return rollout("key/demo/"+id, "enforce", "file:"+id) }
	tests := map[string]struct {
		rollout string // at first
		signed  bool
		edits   [][2]string // file and text; ADDR is the upstream
	}{
		"enforced":          {rollout: rollout("key/demo/k1", "observe", "file:k1"), edits: [][2]string{{"rollout.yaml", enforce("k1")}}},
		"key is another":    {rollout: enforce("k1"), signed: true, edits: [][2]string{{"k1", secret2}}},
		"key is disabled":   {rollout: rollout("key/demo/k1", "enforce", "file:k1", "key/demo/k2", "enforce", "file:k2"), signed: true, edits: [][2]string{{"rollout.yaml", rollout("key/demo/k1", "disabled", "file:k1", "key/demo/k2", "enforce", "file:k2")}}},
		"method is refused": {rollout: enforce("k1"), signed: true, edits: [][2]string{{"policy.yaml", strings.Replace(agePolicy, "app: demo", "app: demo, methods: [POST]", 1)}}},
		"listener is gone":  {rollout: enforce("k1"), signed: true, edits: [][2]string{{"agent.yaml", "listeners: [{endpoint_id: other, addr: 'ADDR', timeout: 5s}]\n"}}},
		"later": {rollout: rollout("key/demo/k1", "observe", "file:k1"), edits: [][2]string{
			{"agent.yaml", "listeners: [{endpoint_id: svc, addr: 'ADDR', timeout: 6s}]\n"}, {"rollout.yaml", enforce("k1")},
		}},
	}
	for name, test := range tests {
		for _, upgrade := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s upgrade %t", name, upgrade), func(t *testing.T) {
				t.Parallel()
				addr := ticking(t)
				w := newWorld(t, addr)
				w.write("k2", secret2)
				w.write("policy.yaml", agePolicy)
				w.write("rollout.yaml", test.rollout)
				w.start()
				var headers []string
				if test.signed {
					headers = sign(t, secret1, target)
				}
				s := w.stream(upgrade, headers...)
				for _, edit := range test.edits {
					number := w.server.Status().Good.Number
					w.replace(edit[0], strings.ReplaceAll(edit[1], "ADDR", addr))
					w.applied(number)
				}
				applied := w.server.Status().Good.Applied
				if got := w.metrics()["lockstep_listener_draining_generations"]; got != "1" {
					t.Errorf("%s generations are draining", got)
				}
				select {
				case at := <-s.ended:
					// Two more seconds for a machine that others use, too.
					if age := at.Sub(applied); age < time.Second-10*time.Millisecond || age > 3*time.Second {
						t.Errorf("the stream was cut after %v", age)
					}
				case <-time.After(10 * time.Second):
					t.Fatal("the stream goes on")
				}
				w.drained()
			})
		}
	}
}

// TestLateAnswer has an answer begin after the generation of its request has
// ended: it does not last.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost} { // with connections of their own, and not
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			arrived, leave := make(chan struct{}), make(chan struct{})
			addr := tickingAfter(t, arrived, leave)
			w := newWorld(t, addr)
			w.write("agent.yaml", strings.Replace(agentConfig(addr), "timeout: 5s", "timeout: 5m", 1)) // a busy machine takes its time
			w.write("policy.yaml", strings.Replace(agePolicy, "app: demo", "app: demo, methods: [GET, POST]", 1))
			w.start()
			answered := make(chan error, 1)
			go func() {
				req, _ := http.NewRequestWithContext(t.Context(), method, "http://"+w.server.Addr()+target, http.NoBody)
				req.Header.Set("X-Piko-Endpoint", "svc")
				resp, err := w.client.Do(req)
				if err == nil {
					_, err = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				answered <- err
			}()
			<-arrived
			g := w.server.current.Load().routes["svc"].upstreams[0].generation
			w.replace("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
			w.applied(1)
			<-g.ended.Done()
			close(leave)
			select {
			case err := <-answered:
				if err == nil {
					t.Error("the answer came to an end of its own")
				}
			case <-time.After(10 * time.Second):
				t.Error("the answer goes on")
			}
			w.drained()
		})
	}
}

// tickingAfter is [ticking], once leave is closed.
func tickingAfter(t *testing.T, arrived chan<- struct{}, leave <-chan struct{}) (addr string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-leave
		for r.Context().Err() == nil {
			fmt.Fprintln(w, "tick")
			_ = http.NewResponseController(w).Flush()
			time.Sleep(50 * time.Millisecond)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// drained waits until no request of an earlier generation is under way.
func (w *world) drained() {
	w.t.Helper()
	w.eventually("end of the draining", func() bool { return w.metrics()["lockstep_listener_draining_generations"] == "0" })
	if n := len(w.server.applier.drain.left); n != 0 {
		w.t.Errorf("%d generations are still known", n)
	}
}

// TestStreamsSurvive changes what does not concern the streams, and what does
// where no max_stream_age is set.
func TestStreamsSurvive(t *testing.T) {
	t.Parallel()
	observe := rollout("key/demo/k1", "observe", "file:k1")
	enforce := rollout("key/demo/k1", "enforce", "file:k1")
	tests := map[string]struct {
		policy, rollout, file, text string
		draining                    string
	}{
		"another listener":            {agePolicy, enforce, "agent.yaml", "listeners: [{endpoint_id: svc, addr: 'ADDR', timeout: 5s}, {endpoint_id: b, addr: 80, timeout: 1s}]\ngrace_period: 5s\n", "0"},
		"another address":             {agePolicy, enforce, "agent.yaml", "listeners: [{endpoint_id: svc, addr: '127.0.0.1:1', timeout: 5s}]\n", "1"},
		"held":                        {agePolicy, enforce, "agent.yaml", "listeners: [{endpoint_id: svc, addr: '127.0.0.1:1', timeout: 5}]\n", "0"},
		"step back":                   {agePolicy, enforce, "rollout.yaml", observe, "1"},
		"another app":                 {agePolicy, enforce, "rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1", "key/other/k1", "enforce", "file:k1"), "0"},
		"one more key":                {agePolicy, enforce, "rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1", "key/demo/k2", "enforce", "file:k2"), "1"},
		"no max_stream_age, enforced": {plainPolicy, observe, "rollout.yaml", enforce, "1"},
		"no max_stream_age, gone":     {plainPolicy, enforce, "agent.yaml", "listeners: [{endpoint_id: b, addr: 80, timeout: 1s}]\n", "1"},
	}
	for name, test := range tests {
		for _, upgrade := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s upgrade %t", name, upgrade), func(t *testing.T) {
				t.Parallel()
				addr := ticking(t)
				w := newWorld(t, addr)
				w.write("k2", secret2)
				w.write("policy.yaml", test.policy)
				w.write("rollout.yaml", test.rollout)
				w.start()
				s := w.stream(upgrade, sign(t, secret1, target)...)
				w.replace(test.file, strings.ReplaceAll(test.text, "ADDR", addr))
				w.eventually("new version", func() bool { return w.server.Status().Good.Number == 2 })
				if !s.lives(2500 * time.Millisecond) {
					t.Error("the stream was cut")
				}
				if got := w.metrics()["lockstep_listener_draining_generations"]; got != test.draining {
					t.Errorf("%s generations are draining, want %s", got, test.draining)
				}
				_ = s.conn.Close()
				<-s.ended
				w.drained()
			})
		}
	}
}

// TestStraggler enters a generation after it was superseded and forgotten, as
// a request may that had read the snapshot just before.
func TestStraggler(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.write("policy.yaml", agePolicy)
	w.start()
	g := w.server.current.Load().routes["svc"].upstreams[0].generation
	w.replace("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.applied(1)
	w.drained()
	g.enter()
	if n := w.server.applier.drain.count(); n != 1 {
		t.Errorf("%d generations are draining", n)
	}
	select {
	case <-g.ended.Done():
	case <-time.After(5 * time.Second):
		t.Error("the straggler may go on for ever")
	}
	g.leave()
	w.drained()
}

// TestStricter compares who is let in before and after, without a server.
func TestStricter(t *testing.T) {
	t.Parallel()
	at := func(share int, prints ...string) *auth {
		a := &auth{app: "demo", share: share, methods: map[string]bool{"GET": true}, apps: map[string]*appKeys{"demo": {}}}
		for _, p := range prints {
			a.apps["demo"].enforce.add(&loadedKey{fingerprint: p, state: schemas.RolloutSubject{Share: share}})
		}
		return a
	}
	other := at(100, "x")
	other.app, other.apps = "other", map[string]*appKeys{"other": other.apps["demo"]}
	strictly := at(100, "x")
	strictly.headers = true
	for name, test := range map[string]struct {
		before, after *auth
		want          bool
	}{
		"none":               {nil, nil, false},
		"none to observed":   {nil, at(0), false},
		"none to enforced":   {nil, at(100, "x"), true},
		"enforced to none":   {at(100, "x"), nil, false},
		"observed to more":   {at(0), at(100, "x"), true},
		"the same":           {at(100, "x"), at(100, "x"), false},
		"one more":           {at(100, "x"), at(100, "x", "y"), false},
		"one less":           {at(100, "x", "y"), at(100, "x"), true},
		"exchanged":          {at(100, "x"), at(100, "y"), true},
		"not readable":       {at(100, "x"), at(100, ""), true},
		"larger share":       {at(10, "x"), at(20, "x"), true},
		"smaller share":      {at(20, "x"), at(10, "x"), false},
		"another app":        {at(100, "x"), other, true},
		"headers are judged": {at(100, "x"), strictly, true},
	} {
		if got := test.after.stricter(test.before, noon); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}
