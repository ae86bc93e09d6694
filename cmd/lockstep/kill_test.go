package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/migrate"
	"lockstep/schemas"
)

// killSubjects is how many subjects the rollout of the kill test has: enough
// for the work on its files to take a while.
const killSubjects = 40

// A victim is a rollout whose apply and rollback are killed again and again,
// beside a twin whose are not.
type victim struct {
	t      *testing.T
	random *rand.Rand
	path   string // of the rollout file
	twin   string
	now    time.Time
	took   time.Duration // from the lock to the end of a process, roughly
	kills  int           // still to come
	spare  int           // to come if none of those has hit the moment between the two files

	before, midway, after int // kills by what they had left behind
}

// TestActsSurviveKills: a migrate that is killed at any moment leaves rollout
// file and journal whole, and is only to be started again to end where it
// would have ended. FULL=1 kills 500 times, not 50. It does not run beside
// other tests: it takes the time of processes.
func TestActsSurviveKills(t *testing.T) {
	v := newVictim(t)
	for round := 1; v.kills > 0; round++ {
		plan := v.plan(round)
		for _, batch := range plan.Batches {
			v.untilDone("apply", v.write(plan), "--batch", batch.ID)
			v.compare(func(path string) error {
				_, err := migrate.Apply(t.Context(), migrate.ApplyOptions{Plan: plan, RolloutPath: path, Batch: batch.ID, Now: v.now})
				return err
			})
		}
		v.onceEach(plan)
		v.now = v.now.Add(time.Minute)
		v.untilDone("rollback", "--batch", plan.Batches[0].ID, "--reason", "a drill")
		v.untilDone("rollback", "--all", "--reason", "a drill")
		v.compare(func(path string) error {
			for _, o := range []migrate.RollbackOptions{{Batch: plan.Batches[0].ID}, {All: true}} {
				o.RolloutPath, o.Reason, o.Now = path, "a drill", v.now
				if _, err := migrate.Rollback(t.Context(), o); err != nil {
					return err
				}
			}
			return nil
		})
		v.now = v.now.Add(time.Minute)
		if v.kills == 0 && v.midway == 0 && v.spare > 0 {
			v.kills, v.spare = 10, v.spare-10
		}
	}
	t.Logf("killed %d times before anything was written, %d times midway, %d times after", v.before, v.midway, v.after)
	if v.midway == 0 {
		t.Error("no process was killed between its journal and its rollout file")
	}
}

func newVictim(t *testing.T) *victim {
	t.Helper()
	v := &victim{
		t: t, random: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)), kills: 50, spare: 200, took: 50 * time.Millisecond,
		path: filepath.Join(t.TempDir(), "rollout.yaml"), twin: filepath.Join(t.TempDir(), "rollout.yaml"),
		now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
	}
	if os.Getenv("FULL") != "" {
		v.kills = 500
	}
	var text strings.Builder
	text.WriteString("# ours\nversion: 1\nenvironment: eu\ntier: staging\nsubjects:\n")
	for i := range killSubjects {
		fmt.Fprintf(&text, "  key/app-%d/k1: {mode: observe, since: 2026-10-01T00:00:00Z, secret: env:A} # app %d\n", i, i)
	}
	for _, path := range []string{v.path, v.twin} {
		v.check(os.WriteFile(path, []byte(text.String()), 0o600))
	}
	return v
}

func (v *victim) check(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *victim) rollout(path string) *schemas.Rollout {
	v.t.Helper()
	rollout, err := load(path, schemas.DecodeRollout)
	v.check(err)
	return rollout
}

// plan enforces everything in two batches.
func (v *victim) plan(round int) *schemas.Plan {
	plan := &schemas.Plan{
		Version: 1, Environment: "eu", Tier: schemas.TierStaging, Created: v.now, Expires: v.now.Add(time.Hour),
		Inputs:   schemas.PlanInputs{Rollout: v.rollout(v.path).Digest()},
		Batches:  []schemas.Batch{{ID: fmt.Sprintf("first-%d", round)}, {ID: fmt.Sprintf("second-%d", round)}},
		Rollback: []schemas.Step{}, Subjects: []schemas.SubjectVerdict{},
	}
	for i, name := range v.rollout(v.path).Names() {
		batch := &plan.Batches[i%2]
		batch.Steps = append(batch.Steps, schemas.Step{Subject: name, From: schemas.ModeObserve, To: schemas.ModeEnforce})
	}
	return plan
}

// write writes the plan and returns its path.
func (v *victim) write(plan *schemas.Plan) string {
	text, err := plan.Encode()
	v.check(err)
	path := filepath.Join(v.t.TempDir(), "plan.yaml")
	v.check(os.WriteFile(path, text, 0o600))
	return path
}

// untilDone runs a migrate command until it is not killed. After each kill both
// files must be whole, and fit together.
func (v *victim) untilDone(args ...string) {
	v.t.Helper()
	for {
		was := v.rollout(v.path).Digest()
		if !v.runAndKill(args...) {
			return
		}
		v.kills--
		rollout := v.rollout(v.path)
		journal, err := migrate.JournalOf(v.path)
		if errors.Is(err, os.ErrNotExist) || (err != nil && strings.HasSuffix(err.Error(), "there is no entry in it")) {
			v.before++
			continue
		}
		v.check(err)
		v.check(journal.VerifyWith(rollout))
		last := journal.Entries[len(journal.Entries)-1]
		switch {
		case rollout.Digest() != was:
			v.after++
		case journal.Torn || last.After != was:
			v.midway++
		default:
			v.before++
		}
	}
}

// runAndKill runs a migrate command and kills it; false if it was done before.
func (v *victim) runAndKill(args ...string) bool {
	v.t.Helper()
	self, err := os.Executable()
	v.check(err)
	args = append([]string{"lockstep", "migrate"}, append(args, "--rollout", v.path, "--now", v.now.Format(time.RFC3339))...)
	var output bytes.Buffer
	cmd := &exec.Cmd{Path: self, Args: args, Stdout: &output, Stderr: &output}
	strikes, delay := v.moment()
	v.check(cmd.Start())
	done, struck := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(struck)
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Microsecond):
			}
			if strikes() {
				time.Sleep(delay)
				_ = cmd.Process.Kill()
				return
			}
		}
	}()
	err = cmd.Wait()
	close(done)
	<-struck
	if err == nil {
		v.took -= v.took / 8
		return false
	}
	v.took += v.took / 8
	exit, ok := errors.AsType[*exec.ExitError](err)
	if status, isUnix := exit.Sys().(syscall.WaitStatus); !ok || !isUnix || status.Signal() != syscall.SIGKILL {
		v.t.Fatalf("%v: %v\n%s", args, err, output.String())
	}
	return true
}

// moment chooses when to kill: some time after the process began, has taken the
// lock or, as this is when there is most to break, has written to the journal.
func (v *victim) moment() (strikes func() bool, delay time.Duration) {
	dir := filepath.Dir(v.path)
	lock, journal := filepath.Join(dir, "journal.lock"), filepath.Join(dir, "journal.jsonl")
	_ = os.Remove(lock) // nobody holds it
	size := sizeOf(journal)
	delay = time.Duration(v.random.Int64N(int64(v.took) + 1))
	switch choice := v.random.IntN(8); {
	case v.kills == 0:
		return func() bool { return false }, 0
	case choice == 0:
		return func() bool { return true }, delay
	case choice <= 3:
		return func() bool { return sizeOf(lock) >= 0 }, delay
	default:
		return func() bool { return sizeOf(journal) != size }, delay / 16 * time.Duration(choice%2) // at once, or soon
	}
}

func sizeOf(path string) int64 {
	info, err := os.Lstat(path)
	if err != nil {
		return -1
	}
	return info.Size()
}

// reference is what a rollout file says of its journal, which knows of every
// interruption.
var reference = regexp.MustCompile(`(?m)^journal: .*$`)

// compare takes the same step with the twin, at once, and wants the same bytes.
func (v *victim) compare(step func(path string) error) {
	v.t.Helper()
	v.check(step(v.twin))
	var texts [2]string
	for i, path := range []string{v.path, v.twin} {
		text, err := os.ReadFile(path)
		v.check(err)
		texts[i] = reference.ReplaceAllString(string(text), "journal:")
	}
	if texts[0] != texts[1] {
		v.t.Fatalf("after kills:\n%s\nwithout:\n%s", texts[0], texts[1])
	}
	journal, err := migrate.JournalOf(v.path)
	v.check(err)
	if last := journal.Entries[len(journal.Entries)-1]; journal.Torn || v.rollout(v.path).Journal.Head != last.Hash {
		v.t.Fatalf("the rollout file names %s, the journal ends with %+v", v.rollout(v.path).Journal.Head, last)
	}
}

// onceEach wants each batch of the plan in the journal once, but for entries
// that were taken back.
func (v *victim) onceEach(plan *schemas.Plan) {
	v.t.Helper()
	journal, err := migrate.JournalOf(v.path)
	v.check(err)
	count := map[string]int{}
	for i, e := range journal.Entries {
		abandoned := i+1 < len(journal.Entries) && journal.Entries[i+1].Action == schemas.ActionAbandoned
		if e.Plan == plan.ID && !abandoned {
			count[e.Batch]++
		}
	}
	for _, batch := range plan.Batches {
		if count[batch.ID] != 1 {
			v.t.Errorf("batch %s is in the journal %d times", batch.ID, count[batch.ID])
		}
	}
}
