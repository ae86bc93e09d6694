// Package compat runs real clients of Apollo against lockstep in front of a
// stand-in for Apollo. It needs Node.js and the packages of package-lock.json,
// so it is a module of its own.
package compat

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

const secret = "canary-df23df3f59884980844ff3dada30fa97"

// A story is a stand-in for Apollo, lockstep in front of it and the clients.
type story struct {
	t        *testing.T
	apollo   *apollotest.Apollo
	balancer *balancer
	front    *front
	signing  []*client // with the right secret
	plain    []*client // without one
}

// TestRealClients has each client live through a rollout, once with the
// secret of its app and once without: observed, enforced and rolled back,
// while lockstep reloads all the time. Who signs notices nothing at all. Who
// does not is told nothing while the keys are enforced, and all else before
// and after.
func TestRealClients(t *testing.T) {
	s := begin(t)
	s.publish("v2", s.signing, s.plain)
	s.evidence()

	s.front.mode("enforce")
	s.guarded(http.StatusUnauthorized)
	s.publish("v3", s.signing)
	s.refused()

	s.front.run("migrate", "rollback", "--rollout", "rollout.yaml", "--all", "--to", "observe", "--reason", "clients of ours are refused")
	s.guarded(http.StatusOK)
	s.publish("v4", s.signing, s.patient())
	s.idle()
	s.publish("v5", s.signing, s.patient())
	s.end()
}

// patient are those without a secret who are soon back after a rollback.
// agollo asks a server that has refused it only after 30 s again, for which
// there is time with FULL=1.
func (s *story) patient() []*client {
	if os.Getenv("FULL") != "" {
		return s.plain
	}
	return slices.DeleteFunc(slices.Clone(s.plain), func(c *client) bool { return c.app == "agollo-plain" })
}

// begin starts everything and waits until all clients have loaded.
func begin(t *testing.T) *story {
	t.Helper()
	s := &story{t: t, balancer: newBalancer(t), apollo: apollotest.Start(t, apollotest.Options{Now: time.Now, Nodes: 2})}
	agollo, dir := program(t, ".", "./agollo"), t.TempDir()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string][]string{
		"agollo":   {agollo},
		"lvgithub": {"node", filepath.Join(here, "lvgithub.mjs")},
		"ts":       {"node", filepath.Join(here, "ts.mjs")},
	}
	secrets := map[string]string{"probe": secret + "-probe"}
	for name := range programs {
		s.signing = append(s.signing, &client{app: name + "-signing", secret: secret + "-" + name})
		s.plain = append(s.plain, &client{app: name + "-plain"})
		secrets[name+"-signing"], secrets[name+"-plain"] = secret+"-"+name, secret+"-other"
	}
	for app := range secrets {
		s.apollo.AddApp(apollotest.App{ID: app})
	}
	s.front = startFront(t, s.balancer, []string{s.apollo.Nodes[0].URL, s.apollo.Nodes[1].URL}, secrets)
	for _, c := range slices.Concat(s.signing, s.plain) {
		name, _, _ := strings.Cut(c.app, "-")
		c.start(t, dir, s.balancer.URL, programs[name][0], programs[name][1:]...)
	}
	s.told("v1", s.signing, s.plain)
	return s
}

// publish releases a value to all apps, reloads lockstep while the news goes
// round, and waits until groups of clients were told.
func (s *story) publish(value string, groups ...[]*client) {
	s.t.Helper()
	for range 3 {
		before := s.front.applied()
		s.front.reload()
		eventually(s.t, "reload", s.front.text, func() bool { return s.front.applied() > before })
	}
	for _, app := range s.front.apps {
		s.apollo.Publish(app, "application", map[string]string{"k": value})
	}
	s.told(value, groups...)
}

// told waits until groups of clients were told a value.
func (s *story) told(value string, groups ...[]*client) {
	s.t.Helper()
	for _, c := range slices.Concat(groups...) {
		eventually(s.t, value, c.text, func() bool { return c.saw(value) })
	}
}

// guarded waits until an unsigned request is answered with a status.
func (s *story) guarded(want int) {
	s.t.Helper()
	eventually(s.t, fmt.Sprintf("status %d", want), s.front.text, func() bool {
		resp, err := http.Get(s.balancer.URL + "/configs/probe/default/application")
		if err != nil {
			s.t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode == want
	})
}

// refused waits until all who do not sign were refused, and looks that they
// were told nothing.
func (s *story) refused() {
	s.t.Helper()
	for _, c := range s.plain {
		eventually(s.t, "refusal of "+c.app, c.text, func() bool { return s.balancer.answered(c.app)[http.StatusUnauthorized] > 0 })
		if c.saw("v3") {
			s.t.Errorf("%s was told while its key was enforced", c.app)
		}
	}
}

// A seen is a client in the evidence.
type seen struct {
	App      string
	OK, Fail int
	Reasons  map[string]int
}

// evidence asks migrate who would be refused, and why, once all are known.
func (s *story) evidence() {
	s.t.Helper()
	var report struct{ Clients []seen }
	eventually(s.t, "evidence", s.front.text, func() bool {
		text := s.front.run("migrate", "evidence", "--logs", "events/*", "--format", "json")
		if err := json.Unmarshal([]byte(text), &report); err != nil {
			s.t.Fatal(err)
		}
		return len(report.Clients) >= len(s.signing)+len(s.plain)
	})
	for _, c := range report.Clients {
		name, kind, _ := strings.Cut(c.App, "-")
		reason := "missing"
		if name == "agollo" {
			reason = "signature" // it signs without a secret too
		}
		switch {
		case kind == "signing" && (c.OK == 0 || c.Fail > 0), kind == "plain" && (c.OK > 0 || c.Fail == 0 || c.Reasons[reason] != c.Fail):
			s.t.Errorf("evidence of %s: %+v", c.App, c)
		}
	}
}

// idle leaves the clients to their long polls, for longer than Apollo's 60 s
// with FULL=1.
func (s *story) idle() {
	if os.Getenv("FULL") != "" {
		time.Sleep(65 * time.Second)
	}
}

// end compares what went through lockstep with what arrived, and looks for
// secrets where none may be.
func (s *story) end() {
	s.t.Helper()
	for _, c := range s.signing {
		statuses := s.balancer.answered(c.app)
		delete(statuses, http.StatusOK)
		delete(statuses, http.StatusNotModified)
		if len(statuses) > 0 {
			s.t.Errorf("%s was answered %v", c.app, statuses)
		}
	}
	if strings.Contains(s.front.text(), "canary") {
		s.t.Error("the log has a secret")
	}
	err := filepath.WalkDir(s.front.path("events"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "canary") {
			s.t.Errorf("%s has a secret", path)
		}
		return err
	})
	if err != nil {
		s.t.Error(err)
	}
	s.stayed()
}

// stayed makes sure that no client went past lockstep: each request that
// arrived at a config service came from the balancer.
func (s *story) stayed() {
	s.t.Helper()
	arrived := map[string]int{}
	for _, node := range s.apollo.Nodes {
		for _, request := range node.Requests() {
			_, target, _ := strings.Cut(request, " ")
			if m := appOfTarget.FindStringSubmatch(target); m != nil {
				arrived[m[1]]++
			}
		}
	}
	for _, c := range slices.Concat(s.signing, s.plain) {
		passed := 1 // the poll that is under way
		for status, n := range s.balancer.answered(c.app) {
			if status != http.StatusUnauthorized {
				passed += n
			}
		}
		if arrived[c.app] == 0 || arrived[c.app] > passed {
			s.t.Errorf("%s: %d requests arrived, %d passed", c.app, arrived[c.app], passed)
		}
	}
}
