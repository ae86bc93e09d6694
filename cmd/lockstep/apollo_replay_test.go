package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// A storyCall is one call that lockstep made, and its answer.
type storyCall struct {
	Server  string
	Request storyRequest
	Status  int
	Header  map[string]string
	Body    string
}

// A storyRequest is all of a request but what every client adds: Host and
// Content-Length.
type storyRequest struct {
	Method, Target, Body string
	Header               map[string]string
}

// A replay stands where the servers of a story stood. The calls of one command
// have an order by server and app: those are asked beside each other.
type replay struct {
	t    *testing.T
	dir  string            // lockstep's
	urls map[string]string // of the servers

	mu  sync.Mutex
	due map[string][]storyCall // by queue
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	r := &replay{t: t, dir: t.TempDir(), urls: map[string]string{}, due: map[string][]storyCall{}}
	for _, name := range []string{"admin", "node-1", "node-2"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.answer(name, w, req) }))
		t.Cleanup(server.Close)
		r.urls[name] = server.URL
	}
	return r
}

// expect has the servers wait for calls.
func (r *replay) expect(calls []storyCall) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, call := range calls {
		name := queue(call.Server, call.Request.Target)
		r.due[name] = append(r.due[name], call)
	}
}

// queue names what has an order of its own: /apps/APP/accesskeys and
// /configs/APP/default have the app in the same place.
func queue(server, target string) string { return server + " " + strings.Split(target, "/")[2] }

// isVersion tells of questions that may be asked any number of times: apps that
// are changed beside each other find out by themselves.
func isVersion(queue string) bool { return strings.HasSuffix(queue, " version") }

// left are the calls that were not made, which nobody waits for any more.
func (r *replay) left() map[string][]storyCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := maps.Clone(r.due)
	maps.DeleteFunc(left, func(name string, calls []storyCall) bool { return len(calls) == 0 || isVersion(name) })
	clear(r.due)
	return left
}

// answer gives the recorded answer to a call that is the recorded one.
func (r *replay) answer(server string, w http.ResponseWriter, req *http.Request) {
	if strings.HasPrefix(req.RequestURI, "/apps?") {
		writeApps(w)
		return
	}
	call, ok := r.next(queue(server, req.RequestURI))
	if !ok {
		r.t.Errorf("%s is asked %s %s, and was not", server, req.Method, req.RequestURI)
		w.WriteHeader(http.StatusTeapot)
		return
	}
	want := call.Request
	got := storyRequest{Method: req.Method, Target: req.RequestURI, Header: map[string]string{}}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		r.t.Error(err)
	}
	got.Body = string(body)
	for name, values := range req.Header {
		if name != "Connection" && name != "Content-Length" {
			got.Header[name] = strings.Join(values, ", ")
		}
	}
	got.Header, want.Header = withSigner(got.Header, want.Target), withSigner(want.Header, want.Target)
	if difference := cmp.Diff(want, got); difference != "" {
		r.t.Errorf("%s (-recorded +now)\n%s", server, difference)
	}
	w.Header().Set("Content-Type", call.Header["Content-Type"])
	w.WriteHeader(call.Status)
	_, _ = io.WriteString(w, call.Body) // who has gone reads nothing
}

// writeApps lists the apps that somebody made before the story. An import did
// not ask for them yet when it was recorded; answers.jsonl has how a real
// Apollo lists.
func writeApps(w http.ResponseWriter) {
	var apps []string
	for _, app := range slices.Sorted(maps.Keys(storySecrets)) {
		apps = append(apps, fmt.Sprintf(`{"appId":%q}`, app))
	}
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	_, _ = io.WriteString(w, "["+strings.Join(apps, ",")+"]") // who has gone reads nothing
}

func (r *replay) next(queue string) (storyCall, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	due := r.due[queue]
	if len(due) == 0 {
		return storyCall{}, false
	}
	if !isVersion(queue) {
		r.due[queue] = due[1:]
	}
	return due[0], true
}

// withSigner puts whose secret has signed in place of time and signature.
func withSigner(header map[string]string, target string) map[string]string {
	header = maps.Clone(header)
	timestamp, signed := header["Timestamp"]
	if !signed {
		return header
	}
	scheme, signature, _ := strings.Cut(header["Authorization"], ":")
	signer := "nobody"
	for _, app := range slices.Sorted(maps.Keys(storySecrets)) {
		if accesskey.Signature(schemas.NewSecret([]byte(storySecrets[app])), timestamp, target) == signature {
			signer = app
		}
	}
	delete(header, "Timestamp")
	header["Authorization"] = fmt.Sprintf("%s:by %s", scheme, signer)
	return header
}
