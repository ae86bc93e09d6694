package apollotest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

// TestAdmin walks a key from its making to its end, as people do.
func TestAdmin(t *testing.T) {
	t.Parallel()
	a, _ := begin(t, apollotest.Options{AdminToken: "admin-token"})
	keys := a.Admin.URL + "/apps/demo/accesskeys"
	token := []string{"Authorization", "admin-token"}
	if got := get(t, keys); got.status != 401 {
		t.Errorf("without a token: %v", got)
	}
	if got := get(t, a.Admin.URL+"/apollo/version"); got.body != "java-2.5.2" {
		t.Errorf("%v", got)
	}
	if got := get(t, keys, token...); got.body != "[]\n" {
		t.Errorf("no keys yet: %v", got)
	}
	created := ask(t, "POST", keys, `{"secret":"`+secret+`","dataChangeCreatedBy":"dana"}`, token...)
	for _, part := range []string{`"id":1,"appId":"demo","secret":"` + secret + `","mode":0,"enabled":false`, `"dataChangeLastModifiedTime":"2026-11-21T01:18:43.758+0800"`} {
		if !strings.Contains(created.body, part) {
			t.Errorf("no %s in %v", part, created)
		}
	}
	for _, step := range []struct {
		method, path string
		status       int
		mode         apollotest.Mode
		enabled      bool
	}{
		{"PUT", "/1/enable?mode=1&operator=lee", 200, apollotest.Observer, true},
		{"PUT", "/1/enable?operator=lee", 200, apollotest.Filter, true}, // apollo §5: the default mode enforces
		{"DELETE", "/1?operator=lee", 400, apollotest.Filter, true},
		{"PUT", "/2/enable?mode=1&operator=lee", 400, apollotest.Filter, true},
		{"PUT", "/x/enable?mode=1&operator=lee", 500, apollotest.Filter, true},
		{"PUT", "/1/enable?mode=1", 500, apollotest.Filter, true},
		{"PUT", "/1/enable?mode=x&operator=lee", 500, apollotest.Filter, true},
		{"PUT", "/1/enable?mode=2&operator=lee", 200, 2, true},
		{"PUT", "/1/enable?mode=1&operator=lee", 200, apollotest.Observer, true},
		{"PUT", "/1/disable?operator=lee", 200, apollotest.Filter, false}, // and puts the mode back
	} {
		got := ask(t, step.method, keys+step.path, "", token...)
		if key := a.Keys("demo")[0]; got.status != step.status || key.Mode != step.mode || key.Enabled != step.enabled || key.ModifiedBy != "dana" && key.ModifiedBy != "lee" {
			t.Errorf("%s %s: %v, key %+v", step.method, step.path, got, key)
		}
	}
	if got := ask(t, "DELETE", keys+"/1?operator=lee", "", token...); got.status != 200 || len(a.Keys("demo")) != 0 {
		t.Errorf("%v", got)
	}
	if got := ask(t, "DELETE", keys+"/1?operator=lee", "", token...); got.status != 400 || !strings.Contains(got.body, "accessKey not exist.") {
		t.Errorf("%v", got)
	}
}

func TestAtMostFiveKeys(t *testing.T) {
	t.Parallel()
	a, _ := begin(t, apollotest.Options{})
	for i := range 6 {
		got := ask(t, "POST", a.Admin.URL+"/apps/demo/accesskeys", fmt.Sprintf(`{"secret":"s%d","enabled":true,"mode":1,"dataChangeCreatedBy":"lee"}`, i))
		if full := strings.Contains(got.body, "AccessKeys count limit exceeded"); full != (i == 5) {
			t.Errorf("key %d: %v", i+1, got)
		}
	}
	if key := a.Keys("demo")[4]; !key.Enabled || key.Mode != apollotest.Observer {
		t.Errorf("apollo §5: a key is not made an observer in one call: %+v", key)
	}
	for body, status := range map[string]int{
		`{"secret":"s","dataChangeCreatedBy":"lee"}`: 200, `{"secret":"","dataChangeCreatedBy":"lee"}`: 200,
		`{"dataChangeCreatedBy":"lee"}`: 500, `{"secret":"x"}`: 500,
	} {
		if got := ask(t, "POST", a.Admin.URL+"/apps/other/accesskeys", body); got.status != status {
			t.Errorf("%s: %v", body, got)
		}
	}
	if got := ask(t, "POST", a.Admin.URL+"/apps/other/accesskeys", `{"secret":"s","dataChangeCreatedBy":"lee"}`); got.status != 500 || !strings.Contains(got.body, "other-s-0") {
		t.Errorf("the same secret again: %v", got)
	}
}

// Below 2.4 there are no modes: what is meant to observe enforces.
func TestNoModes(t *testing.T) {
	t.Parallel()
	a, clock := begin(t, apollotest.Options{Version: "2.3.0"}, apollotest.Key{Secret: secret})
	if got := ask(t, "PUT", a.Admin.URL+"/apps/demo/accesskeys/1/enable?mode=1&operator=lee", ""); got.status != 200 {
		t.Errorf("%v", got)
	}
	clock.advance(time.Second)
	if !refuses(t, a.Nodes[0]) {
		t.Error("apollo §5: mode=1 does not enforce in 2.3")
	}
	if got := get(t, a.Admin.URL+"/apps/demo/accesskeys"); strings.Contains(got.body, "mode") {
		t.Errorf("%v", got)
	}
}

func TestApps(t *testing.T) {
	t.Parallel()
	a, _ := begin(t, apollotest.Options{})
	if got := ask(t, "POST", a.Admin.URL+"/apps", `{"appId":"other","ownerName":"lee","ownerEmail":"lee@example.com"}`); got.status != 200 {
		t.Errorf("%v", got)
	}
	if got := get(t, a.Admin.URL+"/apps/OTHER"); !strings.Contains(got.body, `"ownerName":"lee"`) {
		t.Errorf("%v", got)
	}
	if got := get(t, a.Admin.URL+"/apps"); strings.Count(got.body, "appId") != 2 {
		t.Errorf("%v", got)
	}
	for body, status := range map[string]int{`{"appId":"demo"}`: 400, `{"appId":".x"}`: 400, `{`: 400} {
		if got := ask(t, "POST", a.Admin.URL+"/apps", body); got.status != status {
			t.Errorf("%s: %v", body, got)
		}
	}
	if got := get(t, a.Admin.URL+"/apps/none"); got.status != 404 {
		t.Errorf("%v", got)
	}
	if got := get(t, a.Nodes[0].URL+"/configs/other/default/application"); got.status != 404 {
		t.Errorf("nothing is released: %v", got)
	}
}

func TestPortal(t *testing.T) {
	t.Parallel()
	const path, token = "/openapi/v1/apps/demo/envs/PRO/accesskeys", "portal-token"
	old, _ := begin(t, apollotest.Options{})
	if got := get(t, old.Portal.URL+path, "Authorization", token); got.status != 404 {
		t.Errorf("apollo §5: 2.5.2 has an OpenAPI of keys: %v", got)
	}
	a, _ := begin(t, apollotest.Options{Version: "3.0.0"})
	for _, step := range []struct {
		method, path string
		status       int
	}{
		{"POST", path + "?operator=lee", 200},
		{"PUT", path + "/1/activation?mode=1&operator=lee", 200},
		{"PUT", path + "/1/activation?mode=1", 400},
		{"DELETE", path + "/1?operator=lee", 400},
		{"GET", "/openapi/v1/apps/demo/envs/FAT/accesskeys", 400},
	} {
		if got := ask(t, step.method, a.Portal.URL+step.path, "", "Authorization", token); got.status != step.status {
			t.Errorf("%s %s: %v", step.method, step.path, got)
		}
	}
	if got := get(t, a.Portal.URL+path); got.status != 200 || !strings.Contains(got.body, "<html") { // of the page where it was sent
		t.Errorf("%v", got)
	}
	if key := a.Keys("demo")[0]; len(key.Secret) != 32 || key.Mode != apollotest.Observer || !key.Enabled {
		t.Errorf("%+v", key)
	}
	ask(t, "PUT", a.Portal.URL+path+"/1/deactivation?operator=lee", "", "Authorization", token)
	if key := a.Keys("demo")[0]; key.Enabled {
		t.Errorf("%+v", key)
	}
}

// TestFaults holds what each fault does and does not do.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind   apollotest.FaultKind
		status int
		done   bool
	}{
		{apollotest.FaultError, 500, false},
		{apollotest.FaultIgnored, 200, false},
		{apollotest.FaultCut, 0, false},
		{apollotest.FaultLost, 0, true},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			t.Parallel()
			a, _ := begin(t, apollotest.Options{}, apollotest.Key{Secret: secret})
			a.Admin.Inject(apollotest.Fault{Kind: c.kind, Match: "PUT /apps/demo/", Skip: 1, Times: 1})
			url := a.Admin.URL + "/apps/demo/accesskeys/1/"
			if got := ask(t, "PUT", url+"enable?operator=lee&mode=1", ""); got.status != 200 {
				t.Errorf("the first is skipped: %v", got)
			}
			if got := ask(t, "PUT", url+"enable?operator=lee&mode=0", ""); got.status != c.status {
				t.Errorf("the second: %v, want %d", got, c.status)
			}
			if done := a.Keys("demo")[0].Mode == apollotest.Filter; done != c.done {
				t.Errorf("done: %v, want %v", done, c.done)
			}
			if got := ask(t, "PUT", url+"disable?operator=lee", ""); got.status != 200 {
				t.Errorf("once is enough: %v", got)
			}
			if n := len(a.Admin.Requests()); n < 3 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestHangAndStop(t *testing.T) {
	t.Parallel()
	a, _ := begin(t, apollotest.Options{Nodes: 2})
	a.Nodes[0].Inject(apollotest.Fault{Kind: apollotest.FaultHang})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got := askUntil(ctx, t, "GET", a.Nodes[0].URL+target, ""); got.status != 0 {
		t.Errorf("it answers: %v", got)
	}
	a.Nodes[0].Clear()
	if got := get(t, a.Nodes[0].URL+target); got.status != 200 {
		t.Errorf("%v", got)
	}
	if err := a.Nodes[1].Stop(); err != nil {
		t.Fatal(err)
	}
	if got := get(t, a.Nodes[1].URL+target); got.status != 0 {
		t.Errorf("it answers: %v", got)
	}
}
