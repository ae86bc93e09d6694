package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"lockstep/schemas"
)

// simNumber is a number that the environment may set.
func simNumber(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// TestFleetSimulation plans a rollout of a fleet with the program that is
// shipped: 20 nodes with 100,000 clients; `make sim-fleet` has 1,000 nodes with
// ten million, or as many as SIM_NODES and SIM_CLIENTS say. While nodes lag or
// are gone, no step is proposed and they are named. After that, each app is
// promoted whose clients pass, and no other.
func TestFleetSimulation(t *testing.T) {
	w := &fleetWorld{
		dir: t.TempDir(), apps: 8, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		nodes: simNumber(t, "SIM_NODES", 20), clients: simNumber(t, "SIM_CLIENTS", 100_000),
	}
	if w.clients > 1_000_000 {
		w.apps = 40
	}
	began := time.Now()
	w.write(t)
	t.Logf("%d nodes, %d clients, %d apps: %d lines, %d MB, packed %d MB, written in %s", w.nodes, w.clients, w.apps,
		w.lines.Load(), w.bytes.Load()/1e6, w.packed.Load()/1e6, time.Since(began).Round(time.Second))
	s := &fleetSim{fleetWorld: w, meter: newMeter(t), program: filepath.Join(t.TempDir(), "lockstep")}
	goBuild(t, s.program, ".")

	held, status, text := s.plan(t, "all.yaml", w.now)
	if status != statusIncomplete || len(held.Batches) > 0 {
		t.Errorf("while nodes lag: status %d, batches %+v", status, held.Batches)
	}
	for _, want := range []string{
		fmt.Sprintf("%d of %d nodes still at version %s of the rollout: node-0001, node-0002, node-0003", fleetLaggards, w.nodes, strings.TrimPrefix(w.old, "sha256:")[:12]),
		fmt.Sprintf("%d of %d nodes have fallen silent: %s at 2026-11-21 01:59Z, ", fleetVanished, w.nodes, w.node(w.nodes-2)),
		fmt.Sprintf("%d of %d nodes still have key/app-00/k1 in mode disabled", fleetLaggards, w.nodes),
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the plan does not say %q:\n%.3000s", want, text)
		}
	}
	s.alone(t, held)

	if err := w.extend(); err != nil {
		t.Fatal(err)
	}
	free, _, text := s.plan(t, "retired.yaml", w.now.Add(25*time.Hour))
	if strings.Contains(text, "still at version") {
		t.Errorf("nobody lags any more:\n%.3000s", text)
	}
	s.promoted(t, free)
}

// A fleetSim plans what a world has logged, and measures that.
type fleetSim struct {
	*fleetWorld

	meter   meter
	program string
}

// plan has the program make a plan, and tells what that took.
func (s *fleetSim) plan(t *testing.T, policy string, now time.Time) (*schemas.Plan, int, string) {
	t.Helper()
	before := freeDisk(t, s.dir)
	least, done := before, make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
				least = min(least, freeDisk(t, s.dir))
			}
		}
	}()
	began := time.Now()
	out, took := s.meter.run(t.Context(), t, s.program, "migrate", "plan", "--rollout", s.path("rollout.yaml"), "--policy", s.path(policy),
		"--logs", s.path("logs"), "--now", now.Format(time.RFC3339), "-o", s.path("plan.yaml"))
	wall := time.Since(began)
	close(done)
	<-ended
	plan, err := load(s.path("plan.yaml"), schemas.DecodePlan)
	if err != nil {
		t.Fatalf("%v\n%.2000s", err, out)
	}
	size, err := os.Stat(s.path("plan.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("plan with %s: %s, %s of processors, %d MB of memory, %d MB of disk meanwhile, the plan has %d KB", policy,
		wall.Round(100*time.Millisecond), took.Time.Round(100*time.Millisecond), took.Memory/1e6, (before-least)/1e6, size.Size()/1000)
	if limit := int64(700e6); took.Memory > limit {
		t.Errorf("it takes %d MB of memory, more than %d", took.Memory/1e6, limit/1e6)
	}
	return plan, took.Status, string(bytes.ToValidUTF8(out, nil))
}

func freeDisk(t *testing.T, dir string) int64 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Error(err)
	}
	return int64(s.Bfree) * s.Bsize //nolint:gosec // a disk
}

// alone makes sure that nothing is promoted while nodes hold the gate.
func (s *fleetSim) alone(t *testing.T, plan *schemas.Plan) {
	t.Helper()
	for _, v := range plan.Subjects {
		if v.Verdict == schemas.VerdictPromote || s.broken(v.Subject) != (v.Verdict == schemas.VerdictBlocked) {
			t.Errorf("%s: %s, while nodes lag", v.Subject, v.Verdict)
		}
	}
}

// promoted makes sure that each app goes on whose clients pass, and no other.
// The first was not observed by those that lagged, and its time begins anew.
func (s *fleetSim) promoted(t *testing.T, plan *schemas.Plan) {
	t.Helper()
	clients := 0
	for _, v := range plan.Subjects {
		clients += v.Clients
		want, blocking := schemas.VerdictPromote, 0
		switch {
		case v.Subject == s.subject(0):
			want = schemas.VerdictInconclusive
		case s.broken(v.Subject):
			want, blocking = schemas.VerdictBlocked, fleetBroken
		}
		if v.Verdict != want || len(v.Blocking) != blocking {
			t.Errorf("%s: %s because of %q, with %d that block; want %s", v.Subject, v.Verdict, v.Reasons, len(v.Blocking), want)
		}
	}
	if want := s.clients - s.clients/s.apps; clients != want || len(plan.Subjects) != s.apps {
		t.Errorf("%d clients of %d subjects, want %d of %d", clients, len(plan.Subjects), want, s.apps)
	}
	for _, b := range plan.Batches {
		if slices.ContainsFunc(b.Steps, func(step schemas.Step) bool { return s.broken(step.Subject) || step.Subject == s.subject(0) }) {
			t.Errorf("batch %s takes an app that is not ready: %+v", b.ID, b.Steps)
		}
	}
}

func (s *fleetSim) broken(subject string) bool {
	for app := range s.apps {
		if s.subject(app) == subject {
			return s.isBroken(app)
		}
	}
	return false
}

// The lines are those that the runtime would write.
func TestFleetWorldWritesEvents(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	w := &fleetWorld{nodes: 5, clients: 400, apps: 4, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)}
	l := &fleetLog{world: w, node: 2, boot: "b", out: &out}
	l.heartbeat(w.now, "sha256:0")
	for client := range w.clients {
		l.client(client)
	}
	if err := l.flush(true); err != nil {
		t.Fatal(err)
	}
	reasons := map[schemas.Reason]int{}
	for line := range strings.Lines(out.String()) {
		e, err := schemas.ParseEvent(strings.TrimSuffix(line, "\n"))
		if err != nil {
			t.Fatal(err)
		}
		again, err := e.Line()
		if err != nil || string(again) != line {
			t.Fatalf("%s is not %s: %v", line, again, err)
		}
		reasons[e.Reason]++
	}
	if reasons[schemas.ReasonSignature] != fleetBroken || reasons[schemas.ReasonMissing] != 10 {
		t.Errorf("%v", reasons)
	}
}
