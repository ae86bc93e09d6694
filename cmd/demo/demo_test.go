package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDemo plays the demo, and holds the tour in the README against what it
// prints. UPDATE=1 rewrites the tour.
func TestDemo(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := demo(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	path := filepath.Join("..", "..", "README.md")
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- tour -->\n```console\n", "```\n<!-- /tour -->"
	before, rest, okBegin := strings.Cut(string(readme), begin)
	tour, after, okEnd := strings.Cut(rest, end)
	if !okBegin || !okEnd {
		t.Fatal("the README has no tour")
	}
	actual := strings.TrimLeft(out.String(), "\n")
	if steady(tour) == steady(actual) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatalf("the tour in the README is not what the demo prints; UPDATE=1 rewrites it\n%s", steady(actual))
	}
	if err := os.WriteFile(path, []byte(before+begin+actual+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// steady replaces what differs from run to run.
func steady(text string) string {
	for pattern, by := range map[string]string{
		`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?Z`:   "TIME",
		`plan [0-9a-f]{12}`:                       "plan ID",
		`made \d+ requests`:                       "made N requests",
		`(TIME +)\S+( +(adopted|apply|rollback))`: "${1}WHO${2}",
		` +`: " ",
	} {
		text = regexp.MustCompile(pattern).ReplaceAllString(text, by)
	}
	return regexp.MustCompile(`(TIME )\S+( (adopted|apply|rollback))`).ReplaceAllString(text, "${1}WHO${2}")
}

// canaries are secrets in every place that a user has for one, and in some
// that are not meant for one.
var canaries = map[string]string{
	"the access key":           secretOfDemo,
	"the token in config":      "c4n4ry-token-in-config",
	"a key in the wrong place": "c4n4ry-in-rollout",
	"the environment":          "c4n4ry-in-environment",
	"Authorization":            "c4n4ry-in-authorization",
	"a cookie":                 "c4n4ry-in-cookie",
	"another header":           "c4n4ry-in-header",
	"Timestamp":                "c4n4ry-in-timestamp",
	"the query":                "c4n4ry-in-query",
	"a broken config":          "c4n4ry-in-broken-config",
	"a key":                    "c4n4ry-1n-the-place-of-a-key",
	"a log line":               "c4n4ry-in-log-line",
}

// TestNoSecretEscapes plays the demo at the most talkative log level with a
// canary wherever a secret may stand, and looks for them in everything that
// is printed and written.
func TestNoSecretEscapes(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	dir := t.TempDir()
	s, err := newStage(t.Context(), dir, &out)
	if err != nil {
		t.Fatal(err)
	}
	s.env = []string{"LOCKSTEP_LOG_LEVEL=debug", "PIKO_TOKEN=" + canaries["the environment"], "DEMO_KEY=" + canaries["the environment"]}
	play := slices.Insert(acts(), 0, act{"plant", plantAct})
	for i := 2; i < len(play)-1; i++ { // from run on, while the process is there
		call := play[i].play
		play[i].play = func(ctx context.Context, s *stage) error {
			if err := call(ctx, s); err != nil || s.server == nil {
				return err
			}
			return callWithSecrets(ctx, s)
		}
	}
	play = slices.Insert(play, len(play)-1, act{"break", breakAct})
	var log string
	play = slices.Insert(play, len(play)-1, act{"keep", func(_ context.Context, s *stage) error {
		log = s.server.log.String()
		return nil
	}})
	if err := s.play(t.Context(), play); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if !strings.Contains(log, "serving") || !strings.Contains(out.String(), "promote") {
		t.Fatal("nothing was printed, so nothing can be found")
	}
	find(t, "output", out.String())
	find(t, "log of run", log)
	findInFiles(t, dir)
}

// plantAct puts secrets where the documents have a place for them.
func plantAct(_ context.Context, s *stage) error {
	text, err := s.readFile("agent.yaml")
	if err != nil {
		return err
	}
	return s.write("agent.yaml", strings.Replace(text, "${PIKO_TOKEN}", canaries["the token in config"], 1))
}

// callWithSecrets sends a request that carries secrets everywhere but in the
// parameter that the policy declares to be a name.
func callWithSecrets(ctx context.Context, s *stage) error {
	url := "http://" + s.server.listen + "/configs/demo/default/application?ip=10.0.0.9&secret=" + canaries["the query"]
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	request.Header.Set("X-Piko-Endpoint", "config")
	request.Header.Set("Authorization", "Apollo demo:"+canaries["Authorization"])
	request.Header.Set("Timestamp", canaries["Timestamp"])
	request.Header.Set("Cookie", "session="+canaries["a cookie"])
	request.Header.Set("X-Api-Key", canaries["another header"])
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("call with secrets: %w", err)
	}
	return response.Body.Close()
}

// breakAct makes every document bad, with a secret at the bad place, and has
// every command and the running process complain.
func breakAct(ctx context.Context, s *stage) error {
	rollout, err := s.readFile("rollout.yaml")
	if err != nil {
		return err
	}
	inline := strings.Replace(rollout, "file:demo.key", canaries["a key in the wrong place"], 1) +
		"  " + canaries["a key"] + ": {mode: observe, secret:" + canaries["a key"] + "}\n"
	broken := "listeners:\n  - endpoint_id: a\n    addr: http://user:" + canaries["a broken config"] + "@h:1\n    timeout: " +
		canaries["a broken config"] + "\nconnect:\n  token: [" + canaries["a broken config"] + "]\n  token:" + canaries["a key"] + ": x\n  " + canaries["a key"] + ": x\n"
	for name, text := range map[string]string{
		"rollout.yaml": inline, "broken.yaml": broken, "bad.jsonl": `{"kind":"` + canaries["a log line"] + "\"}\n",
		"bad-policy.yaml": "version: 1\ngates: {" + canaries["a key"] + ": {}}\nrules: {" + canaries["a key"] + ": {staging: info}}\n" +
			"listeners: {a: {auth: none, key:" + canaries["a key"] + "}}\n",
		"bad-inventory.yaml": "version: 1\nclients: " + canaries["a broken config"] + "\n",
	} {
		if err := s.write(name, text); err != nil {
			return err
		}
	}
	s.say("Every command complains, without quoting.")
	for _, c := range []struct {
		status int
		args   []string
	}{
		{1, []string{"lint", "-o", "text", "-o", "json=lint.json", "broken.yaml"}},
		{2, []string{"init", "broken.yaml"}},
		{2, []string{"lint", "--policy", "bad-policy.yaml", "agent.yaml"}},
		{2, []string{"migrate", "plan", "--rollout", "rollout.yaml", "--logs", "history.jsonl", "-o", "plan2.yaml"}},
		{4, []string{"migrate", "evidence", "--logs", "bad.jsonl", "--format", "json"}},
		{2, []string{"migrate", "rollback", "--rollout", "rollout.yaml", "--all", "--reason", "x"}},
		{2, []string{"run", "--config", "broken.yaml", "--listen", "127.0.0.1:0"}},
		{2, []string{"run", "--config", "agent.yaml", "--rollout", "rollout.yaml", "--listen", "127.0.0.1:0"}},
		{2, []string{"sign", "http://h/", "--app", "demo", "--secret", canaries["the access key"]}},
	} {
		text, err := s.quiet(ctx, c.status, c.args...)
		if err != nil {
			return err
		}
		s.note("%s", text)
	}
	rejected := func() (bool, error) { return strings.Contains(s.server.log.String(), "rollout.yaml:"), nil }
	if err := until(ctx, "the process complains about the rollout", rejected); err != nil {
		return err
	}
	return s.write("agent.yaml", broken)
}

// find fails for each canary in text.
func find(t *testing.T, where, text string) {
	t.Helper()
	for what, canary := range canaries {
		if i := strings.Index(text, canary); i >= 0 {
			t.Errorf("%s is in the %s: …%s…", what, where, text[max(0, i-80):min(len(text), i+80)])
		}
	}
}

// findInFiles looks into every file that a command has written. Those that
// the test has written are secrets' own places.
func findInFiles(t *testing.T, dir string) {
	t.Helper()
	inputs := []string{"agent.yaml", "demo.key", "rollout.yaml", "broken.yaml", "bad.jsonl", "bad-policy.yaml", "bad-inventory.yaml", "lockstep"}
	var written []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains(inputs, entry.Name()) {
			return err
		}
		text, err := os.ReadFile(path)
		find(t, entry.Name(), string(text))
		written = append(written, entry.Name())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"events.jsonl", "journal.jsonl", "plan.yaml", "lint.json"} {
		if !slices.Contains(written, name) {
			t.Errorf("%s was not written, so nothing can be found in it: %v", name, written)
		}
	}
}

// TestDemoFails makes sure that a demo that goes wrong says so, and clears up.
func TestDemoFails(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s, err := newStage(t.Context(), t.TempDir(), &out)
	if err != nil {
		t.Fatal(err)
	}
	wrong := act{"wrong", func(ctx context.Context, s *stage) error {
		return s.everyone(ctx, func(*caller) int { return http.StatusTeapot })
	}}
	began := time.Now()
	err = s.play(t.Context(), []act{{"lint", lintAct}, {"run", runAct}, wrong, {"never", stopAct}})
	if err == nil || !strings.Contains(err.Error(), "wrong: 10.0.0.1 gets 200, want 418") {
		t.Errorf("error %v after %v", err, time.Since(began))
	}
	if s.server.cmd != nil {
		t.Error("lockstep run was left running")
	}
}
