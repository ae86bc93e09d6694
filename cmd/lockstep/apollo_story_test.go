package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// story is what lockstep once did to a real Apollo 2.5.2.
var story = filepath.Join("..", "..", "testdata", "apollo", "recorded", "story")

// The secrets of the story, by app. They were made up for it.
var storySecrets = map[string]string{
	"pay-us": "000000000000000000000000000000a1", "audit-us": "000000000000000000000000000000b1",
	"old-us": "000000000000000000000000000000c1", "ship-us": "000000000000000000000000000000d1",
}

// A scene is one command, the calls that it made, and its exit status.
type scene struct {
	args  []string
	calls []storyCall
	exit  int
}

// TestStoryWithARealApollo has lockstep take the same steps again, from the
// import of what Apollo has over observing and enforcing to the rollback, and
// answers what the real Apollo answered. Each call has to be the recorded one,
// but for the time in a signature.
func TestStoryWithARealApollo(t *testing.T) {
	scenes, imported, rollout := readStory(t), readText(t, filepath.Join(story, "imported.yaml")), readText(t, filepath.Join(story, "rollout.yaml"))
	if len(scenes) < 9 {
		t.Errorf("%d commands were recorded, want at least 9", len(scenes))
	}
	r := newReplay(t)
	t.Chdir(r.dir)
	r.write("lockstep.yaml", "version: 1\nenvironments:\n  pro:\n    tier: staging\n    nodes: [n1]\n    apollo:\n      admin: "+
		r.urls["admin"]+"\n      nodes: ["+r.urls["node-1"]+", "+r.urls["node-2"]+"]\n")
	for app, secret := range storySecrets {
		r.write(strings.TrimSuffix(app, "-us")+".key", secret)
	}
	r.write("rollout.yaml", rollout)
	for _, s := range scenes {
		r.writeLogs(s.args)
		r.perform(s)
	}
	if got := readText(t, "imported.yaml"); got != imported {
		t.Errorf("imported is\n%s\nwant\n%s", got, imported)
	}
	for name, subject := range r.rollout().Subjects {
		want := schemas.ModeObserve
		if strings.HasPrefix(name, "key/ship-us/") {
			want = schemas.ModeDisabled
		}
		if subject.Mode != want {
			t.Errorf("%s is left in mode %s, want %s", name, subject.Mode, want)
		}
	}
}

// readStory parts the recording into scenes. What people did by hand between
// them shows in the answers alone.
func readStory(t *testing.T) []scene {
	t.Helper()
	var scenes []scene
	for decoder := json.NewDecoder(strings.NewReader(readText(t, filepath.Join(story, "story.jsonl")))); decoder.More(); {
		var line struct {
			storyCall

			Run  []string
			Exit *int
		}
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		last := len(scenes) - 1
		switch {
		case line.Run != nil:
			scenes = append(scenes, scene{args: line.Run})
		case line.Exit != nil:
			scenes[last].exit = *line.Exit
		case line.Server != "":
			scenes[last].calls = append(scenes[last].calls, line.storyCall)
		}
	}
	return scenes
}

// perform runs the command of a scene in the directory of the story.
func (r *replay) perform(s scene) {
	r.t.Helper()
	r.expect(s.calls)
	var output bytes.Buffer
	p := &process{
		stdin: strings.NewReader(""), stdout: &output, stderr: &output, getenv: func(string) string { return "" }, now: time.Now,
		sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }, // what is answered comes at once
	}
	if got := p.run(r.t.Context(), append([]string{"lockstep"}, s.args...)); got != s.exit {
		r.t.Errorf("%q ends with status %d, recorded is %d\n%s", s.args, got, s.exit, output.String())
	}
	for queue, calls := range r.left() {
		r.t.Errorf("%q has not made %d recorded calls to %s, the first is %s %s", s.args, len(calls), queue, calls[0].Request.Method, calls[0].Request.Target)
	}
}

// writeLogs writes what a command is given as --logs: of 9 days up to its
// --now, in which one client of each app called every hour and always passed.
func (r *replay) writeLogs(args []string) {
	r.t.Helper()
	flag := func(name string) string {
		if i := slices.Index(args, name); i >= 0 {
			return args[i+1]
		}
		return ""
	}
	name := flag("--logs")
	if name == "" {
		return
	}
	end, err := time.Parse(time.RFC3339, flag("--now"))
	if err != nil {
		r.t.Fatal(err)
	}
	subjects := r.rollout().Subjects
	maps.DeleteFunc(subjects, func(name string, _ schemas.RolloutSubject) bool { return strings.HasPrefix(name, "key/old-us/") }) // it enforced before lockstep came
	var log bytes.Buffer
	var seq uint64
	for at := end.Truncate(time.Hour).AddDate(0, 0, -9); !at.After(end); at = at.Add(time.Hour) {
		for _, e := range hourOf(slices.Sorted(maps.Keys(subjects)), at) {
			seq++
			e.Environment, e.Node, e.Boot, e.Seq, e.TimeMS = "pro", "n1", "b", seq, at.UnixMilli()
			line, err := e.Line()
			if err != nil {
				r.t.Fatal(err)
			}
			log.Write(line)
		}
	}
	r.write(name, log.String())
}

// hourOf are the events of one hour.
func hourOf(subjects []string, at time.Time) []schemas.Event {
	var events []schemas.Event
	var states []schemas.SubjectState
	for _, name := range subjects {
		var tally schemas.Tally
		tally.Add(at.UnixMilli())
		events = append(events, schemas.TallyEvent(schemas.TallyKey{
			Subject: name, Client: "10.0.0.1", How: schemas.HowVerified, Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly),
		}, tally))
		secret := schemas.NewSecret([]byte(storySecrets[strings.Split(name, "/")[1]]))
		states = append(states, schemas.SubjectState{Subject: name, Mode: schemas.ModeObserve, Fingerprint: secret.Fingerprint()})
	}
	return append(events, schemas.Event{Kind: schemas.EventHeartbeat, Subjects: states})
}

func (r *replay) rollout() *schemas.Rollout {
	r.t.Helper()
	rollout, err := load(filepath.Join(r.dir, "rollout.yaml"), schemas.DecodeRollout)
	if err != nil {
		r.t.Fatal(err)
	}
	return rollout
}

func (r *replay) write(name, text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
