package apollotest_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"mime"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"lockstep/migrate/apollo/apollotest"
)

// notInPortal says what the stand-in's Portal leaves out.
var notInPortal = map[string]string{
	"no role yet":             "whoever has the token may do all",
	"unknown app":             "the same",
	"create unknown operator": "it knows no users",
	"authorized":              "nobody asks",
	"envclusters":             "nobody asks",
}

// TestPortalAnswersAsRecorded asks the stand-in's Portal what a real one was
// asked, a build of June 2026.
func TestPortalAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	clock := newClock()
	r := replica{ids: map[string]string{}}
	r.Apollo = apollotest.Start(t, apollotest.Options{Now: clock.now, Version: "3.0.0"})
	r.AddApp(apollotest.App{ID: "demo", Name: "demo", OwnerName: "apollo", OwnerEmail: "apollo@acme.com"})
	compared := 0
	for _, e := range recordedExchanges(t, "3.0/portal.jsonl") {
		if notInPortal[e.Step] != "" || strings.Contains(e.Request.Target, "operator=nobody") {
			continue
		}
		clock.advance(time.Second)
		compared++
		r.comparePortal(t, &e)
	}
	if compared < 35 {
		t.Errorf("%d answers were compared, want at least 35", compared)
	}
}

func (r *replica) comparePortal(t *testing.T, e *exchange) {
	t.Helper()
	status, contentType, body := e.send(t, strings.TrimPrefix(r.Portal.URL, "http://"), r.target(e.Request.Target))
	name := fmt.Sprintf("%s: %s %s", e.Step, e.Request.Method, e.Request.Target)
	if status != e.Status {
		t.Errorf("%s: status %d, Apollo's is %d", name, status, e.Status)
		return
	}
	ours, _, _ := mime.ParseMediaType(contentType) // its errors have no charset
	if theirs, _, _ := mime.ParseMediaType(e.Header["Content-Type"]); ours != theirs {
		t.Errorf("%s: content type %q, Apollo's is %q", name, ours, theirs)
	}
	r.learn(e.Body, body)
	if difference := gocmp.Diff(portalShape(r.shape(t, e.Body, true)), portalShape(r.shape(t, body, false))); difference != "" {
		t.Errorf("%s: (-Apollo +stand-in)\n%s", name, difference)
	}
}

// portalShape is a body without what a Portal chooses itself: secrets, and so
// the order of keys. Of apps it says a little more than the stand-in.
func portalShape(value any) any {
	switch value := value.(type) {
	case []any:
		for _, each := range value {
			portalShape(each)
		}
		slices.SortFunc(value, func(a, b any) int { return cmp.Compare(text(a), text(b)) })
	case map[string]any:
		if secret, ok := value["secret"].(string); ok {
			value["secret"] = len(secret)
		}
		if _, isApp := value["ownerEmail"]; isApp {
			delete(value, "ownerDisplayName")
			delete(value, "dataChangeLastModifiedBy")
		}
	}
	return value
}

func text(value any) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err.Error()
	}
	return string(encoded)
}
