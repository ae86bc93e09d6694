package runtime

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// poll is a long poll of the app demo.
const poll = "/notifications/v2?appId=demo&cluster=default&notifications=%5B%5D&ip=10.1.2.3"

// pollPolicy is for a listener in front of Apollo, and strict about streams.
var pollPolicy = strings.NewReplacer("app: demo", "app_from: apollo", "20ms", "20ms, max_stream_age: 1s").Replace(plainPolicy)

// polled says when a long poll has arrived, and answers once leave is closed.
// Everything else it never answers.
func polled(t *testing.T, secure bool) (addr string, arrived chan string, leave chan struct{}) {
	t.Helper()
	arrived, leave = make(chan string, 10), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.RequestURI
		held := leave
		if r.URL.Path != "/notifications/v2" {
			held = nil
		}
		select {
		case <-held:
			fmt.Fprint(w, "news")
		case <-r.Context().Done():
			arrived <- "gone"
		}
	}))
	if server.EnableHTTP2 = secure; secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server.URL, arrived, leave
}

// TestLongPollsAreNotCut holds long polls for far longer than the timeout of
// the listener while everything is reloaded around them, twice Apollo's 60 s
// with FULL=1. What let them in is taken back meanwhile: they end by
// themselves, and soon.
func TestLongPollsAreNotCut(t *testing.T) {
	t.Parallel()
	held := 3 * time.Second // and longer than max_stream_age
	if os.Getenv("FULL") != "" {
		held = 2 * time.Minute
	}
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("upstream by TLS %t", secure), func(t *testing.T) {
			t.Parallel()
			addr, arrived, leave := polled(t, secure)
			config := func(timeout string) string {
				return strings.Replace(agentConfig(addr), "timeout: 5s", "timeout: "+timeout+", tls: {insecure_skip_verify: true}", 1)
			}
			w := newWorld(t, "")
			w.write("agent.yaml", config("200ms"))
			w.write("policy.yaml", pollPolicy)
			w.start()
			answers := make(chan string, 2)
			ask := func() { status, body := w.get(poll); answers <- fmt.Sprint(status, body) }
			go ask()
			<-arrived
			began := time.Now()
			for _, edit := range [][2]string{
				{"agent.yaml", config("300ms")},
				{"k1", secret2},
				{"policy.yaml", strings.Replace(pollPolicy, "apollo}", "apollo, strict: true}", 1)},
				{"rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1")},
				{"agent.yaml", "listeners: [{endpoint_id: other, addr: 'http://127.0.0.1:1', timeout: 5s}]\n"},
				{"agent.yaml", config("200ms")},
				{"rollout.yaml", rollout("key/demo/k1", "observe", "file:k1")},
			} {
				number := w.server.Status().Good.Number
				w.replace(edit[0], edit[1])
				w.applied(number)
			}
			go ask()
			<-arrived
			if status, _ := w.get("/configs/demo/default/application"); status != http.StatusGatewayTimeout {
				t.Errorf("what is no long poll is answered %d", status)
			}
			time.Sleep(time.Until(began.Add(held)))
			close(leave)
			for range 2 {
				if got := <-answers; got != "200news" {
					t.Errorf("a long poll got %q", got)
				}
			}
		})
	}
}

// TestLongPollsEndWithTheirClient leaves, and the upstream is free.
func TestLongPollsEndWithTheirClient(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		addr, arrived, _ := polled(t, secure)
		w := newWorld(t, "")
		w.write("agent.yaml", strings.Replace(agentConfig(addr), "timeout: 5s", "timeout: 5s, tls: {insecure_skip_verify: true}", 1))
		w.write("policy.yaml", pollPolicy)
		w.start()
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+w.server.Addr()+poll, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Piko-Endpoint", "svc")
		go func() { <-arrived; leave() }()
		if resp, err := w.client.Do(req); err == nil {
			t.Errorf("an answer: %d", resp.StatusCode)
			_ = resp.Body.Close()
		}
		select {
		case <-arrived:
		case <-time.After(10 * time.Second):
			t.Errorf("TLS %t: the upstream still has the request", secure)
		}
	}
}

// TestLongPollsNeedApollo holds every other listener to its timeout, whatever
// the paths that it serves.
func TestLongPollsNeedApollo(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]string{
		"nothing is checked": strings.Replace(plainPolicy, "auth: apollo, app: demo", "auth: none", 1),
		"the app is named":   plainPolicy,
	} {
		addr, _, _ := polled(t, false)
		w := newWorld(t, addr)
		w.write("agent.yaml", strings.Replace(agentConfig(addr), "timeout: 5s", "timeout: 200ms", 1))
		w.write("policy.yaml", policy)
		w.start()
		if status, _ := w.get(poll); status != http.StatusGatewayTimeout {
			t.Errorf("%s: %d", name, status)
		}
	}
}

// TestLongPollsAreCountedAtOnce has a client that only waits show up in the
// evidence before its answer.
func TestLongPollsAreCountedAtOnce(t *testing.T) {
	t.Parallel()
	addr, arrived, leave := polled(t, false)
	defer close(leave)
	w := newWorld(t, addr)
	w.write("policy.yaml", pollPolicy)
	w.start()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", w.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	request := bufio.NewWriter(c)
	fmt.Fprintf(request, "GET %s HTTP/1.1\r\nHost: svc.example.com\r\n", poll)
	for headers := sign(t, secret1, poll); len(headers) > 0; headers = headers[2:] {
		fmt.Fprintf(request, "%s: %s\r\n", headers[0], headers[1])
	}
	fmt.Fprint(request, "\r\n")
	if err := request.Flush(); err != nil {
		t.Fatal(err)
	}
	<-arrived
	w.eventually("tally", func() bool {
		return tallied(w.events(w.opts.Events))["key/demo/k1 10.1.2.3 "+string(schemas.HowClaimed)+" ok"] == 1
	})
}
