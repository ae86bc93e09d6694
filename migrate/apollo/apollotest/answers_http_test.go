package apollotest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate/apollo/apollotest"
)

// notImitated says what the stand-in leaves out: nobody who is tested asks.
var notImitated = map[string]string{
	"release":                      "an app is released when it is added",
	"services":                     "its nodes are elsewhere",
	"health":                       "the details of a node's health",
	"old notifications":            "clients of today do not use them",
	"enforce: signed, nothing new": "it names releases otherwise",
	"OPTIONS signed":               "answered by Spring",
	"wrong method":                 "no such endpoint",
	"create without sense":         "the message is Gson's",
}

// TestStandInAnswersAsRecorded asks the stand-in all that a real Apollo was
// asked, at the same times, and compares the answers and what was logged.
func TestStandInAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	all := recordedExchanges(t, "answers.jsonl")
	last := time.UnixMilli(all[len(all)-1].AtMS)
	clock := newClock()
	clock.set(last.Add(-3*time.Minute - time.Second)) // the minute at which deleted keys are noticed
	r := replica{ids: map[string]string{}}
	r.Apollo = apollotest.Start(t, apollotest.Options{Now: clock.now, Nodes: 2, LongPoll: time.Millisecond, LogDir: t.TempDir()})
	r.guarded = apollotest.Start(t, apollotest.Options{Now: clock.now, AdminToken: "made-up-token"})
	compared := 0
	for _, e := range all {
		if clock.set(time.UnixMilli(e.AtMS)); notImitated[e.Step] == "" {
			r.compare(t, &e)
			compared++
		} else if e.Step == "release" {
			r.Publish(strings.Split(e.Request.Target, "/")[2], "application", map[string]string{})
		}
	}
	if compared < 220 {
		t.Errorf("%d of %d answers were compared", compared, len(all))
	}
}

// compare asks what e has asked.
func (r *replica) compare(t *testing.T, e *exchange) {
	t.Helper()
	before := r.log(t, e.Server)
	status, contentType, body := e.send(t, r.address(e.Server), r.target(e.Request.Target))
	name := fmt.Sprintf("%s: %s %s", e.Step, e.Request.Method, e.Request.Target)
	if status != e.Status {
		t.Errorf("%s: status %d, Apollo's is %d", name, status, e.Status)
		return
	}
	if contentType != e.Header["Content-Type"] {
		t.Errorf("%s: content type %q, Apollo's is %q", name, contentType, e.Header["Content-Type"])
	}
	if e.Server == "admin-with-token" && status == 200 {
		return // it has no keys
	}
	r.learn(e.Body, body)
	if difference := cmp.Diff(r.shape(t, e.Body, true), r.shape(t, body, false)); difference != "" {
		t.Errorf("%s: (-Apollo +stand-in)\n%s", name, difference)
	}
	if e.Logged != nil {
		if difference := cmp.Diff(strings.Join(e.Logged, "\n"), logged(strings.TrimPrefix(r.log(t, e.Server), before))); difference != "" {
			t.Errorf("%s: logged (-Apollo +stand-in)\n%s", name, difference)
		}
	}
}
