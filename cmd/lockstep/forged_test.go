package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/runtime"
	"lockstep/schemas"
)

// A forgery is a runtime in this process, whose time the test sets, and whose
// events the real commands judge.
type forgery struct {
	*served

	now     atomic.Int64 // Unix time in milliseconds
	runtime *runtime.Server
	rollout string
}

func newForgery(t *testing.T) *forgery {
	t.Helper()
	f := &forgery{served: newServed(t, "{flush_interval: 10ms}\ngates:\n  staging: {min_window: 6h, clean_for: 3h, min_observations: 2, tau: 100}")}
	f.now.Store(time.Date(2026, 11, 21, 0, 5, 0, 0, time.UTC).UnixMilli())
	f.rollout = `version: 1
environment: eu
tier: staging
subjects:
  key/demo/k1: {mode: observe, since: 2026-11-20T23:00:00Z, secret: "file:k1"}
`
	f.write("rollout.yaml", f.rollout)
	var err error
	f.runtime, err = runtime.New(runtime.Options{
		Config: f.path("agent.yaml"), Policy: f.path("policy.yaml"), Rollout: f.path("rollout.yaml"), Events: f.path("log"),
		Listen: "127.0.0.1:0", Node: "n1", Version: "test", Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.UnixMilli(f.now.Load()) },
	})
	if err := errors.Join(err, f.runtime.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.runtime.Stop(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	f.addr = f.runtime.Addr()
	return f
}

// hour lets an hour go by, in which both clients pass: one that says who it
// is, and one that is known by its address.
func (f *forgery) hour() {
	f.t.Helper()
	now := time.UnixMilli(f.now.Add(time.Hour.Milliseconds()))
	for _, query := range []string{"?ip=10.0.0.1", ""} {
		target := "/configs/demo/default/application" + query
		headers, err := accesskey.Sign(schemas.NewSecret([]byte(servedKeys()["k1"])), "demo", target, now)
		if err != nil {
			f.t.Fatal(err)
		}
		f.send(target, 1, "Timestamp: "+headers.Timestamp+"\r\nAuthorization: "+headers.Authorization+"\r\n")
	}
	f.eventually("tallies of this hour", func() bool {
		return strings.Count(f.events(), fmt.Sprintf(`"outcome":"ok","day":"2026-11-21","count":1,"first_ms":%d`, now.UnixMilli())) == 2
	})
}

func (f *forgery) events() string {
	f.t.Helper()
	text, err := os.ReadFile(f.path("log/events-n1.jsonl"))
	if err != nil {
		f.t.Fatal(err)
	}
	return string(text)
}

// send sends a request so many times over one connection, a hundred at once.
func (f *forgery) send(target string, times int, headers string) {
	conn, err := (&net.Dialer{}).DialContext(f.t.Context(), "tcp", f.addr)
	if err != nil {
		f.t.Error(err)
		return
	}
	defer conn.Close()
	request := "GET " + target + " HTTP/1.1\r\nHost: svc.local\r\n" + headers + "\r\n"
	for in := bufio.NewReader(conn); times > 0; times -= 100 {
		atOnce := min(times, 100)
		if _, err := io.WriteString(conn, strings.Repeat(request, atOnce)); err != nil {
			f.t.Error(err)
			return
		}
		for range atOnce {
			resp, err := http.ReadResponse(in, nil)
			if err != nil || resp.StatusCode != http.StatusOK {
				f.t.Errorf("%v, error %v", resp, err)
				return
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
	}
}

// verdict is what the gate says of the key now.
func (f *forgery) verdict() *schemas.SubjectVerdict {
	f.t.Helper()
	self, err := os.Executable()
	if err != nil {
		f.t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := &exec.Cmd{Path: self, Stdout: &out, Stderr: &out, Args: []string{
		"lockstep", "migrate", "plan", "--rollout", f.path("rollout.yaml"), "--policy", f.path("policy.yaml"), "--logs", f.path("log"),
		"--now", time.UnixMilli(f.now.Load()).UTC().Add(time.Minute).Format(time.RFC3339), "-o", f.path("plan.yaml"),
	}}
	_ = cmd.Run() // 1 if nothing is ready
	plan, err := load(f.path("plan.yaml"), schemas.DecodePlan)
	if err != nil {
		f.t.Fatalf("%v\n%s", err, out.String())
	}
	return &plan.Subjects[0]
}

// TestForgedFailuresMoveNothing forges failures under the names of clients
// that pass, a million with FULL=1. They move no mode and reset no clean
// clock: where a name is only claimed it takes the real client to pass again,
// and where it is known by its address nothing at all.
func TestForgedFailuresMoveNothing(t *testing.T) {
	t.Parallel()
	forged := 50_000
	if os.Getenv("FULL") != "" {
		forged = 1_000_000
	}
	f := newForgery(t)
	for range 8 {
		f.hour()
	}
	if v := f.verdict(); v.Verdict != schemas.VerdictPromote {
		t.Fatalf("before: %s, %q", v.Verdict, v.Reasons)
	}
	f.forge(forged)

	v := f.verdict()
	if v.Verdict != schemas.VerdictBlocked || len(v.Blocking) != 1 || v.Blocking[0].Client != "10.0.0.1" || v.Blocking[0].How != schemas.HowClaimed {
		t.Errorf("after: %s, %q", v.Verdict, v.Reasons)
	}
	for _, reason := range v.Reasons {
		if strings.Contains(reason, "the last failure of a verified client") {
			t.Errorf("the clean clock is reset: %q", v.Reasons)
		}
	}
	f.hour()
	f.hour() // two good hours, and less than clean_for
	if v := f.verdict(); v.Verdict != schemas.VerdictPromote || v.Strangers[0].Client != "127.0.0.1" {
		t.Errorf("two hours later: %s, %q, strangers %+v", v.Verdict, v.Reasons, v.Strangers)
	}
	if text, err := os.ReadFile(f.path("rollout.yaml")); err != nil || string(text) != f.rollout {
		t.Errorf("the rollout is\n%s\nerror %v", text, err)
	}
	if strings.Contains(f.events(), `"mode":"enforce"`) || strings.Contains(f.events(), schemas.OverflowClient) {
		t.Error("a mode has moved, or a client was pushed out")
	}
}

// forge sends unsigned requests in the name of both, and waits until all are
// in the evidence.
func (f *forgery) forge(times int) {
	f.t.Helper()
	var group sync.WaitGroup
	for _, name := range []string{"10.0.0.1", "127.0.0.1"} {
		for range 2 {
			group.Go(func() { f.send("/configs/demo/default/application?ip="+name, times/4, "") })
		}
	}
	group.Wait()
	f.eventually("forged failures", func() bool {
		e, _ := f.evidence()
		counts := e.counts()
		return counts["key/demo 10.0.0.1 missing"] == uint64(times/2) && counts["key/demo 127.0.0.1 missing"] == uint64(times/2)
	})
}
