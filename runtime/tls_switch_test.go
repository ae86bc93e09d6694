package runtime

import (
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lockstep/schemas"
)

// TestStageSwitches: an upstream that verifies loses no request while it goes
// from any mode to any other, by file and by hand. FULL=1 switches 200 times.
func TestStageSwitches(t *testing.T) {
	t.Parallel()
	switches := 12
	if os.Getenv("FULL") != "" {
		switches = 200
	}
	p := newPKIWorld(t)
	w := observeOne(t, p, p.servers[""].URL).start()
	var failed, answered atomic.Int64
	var callers sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status, _ := w.get("/"); status != http.StatusOK {
					failed.Add(1)
				}
				answered.Add(1)
			}
		})
	}
	modes := []string{"enforce", "observe", "disabled", "enforce", "disabled", "observe"}
	for i := range switches {
		before := answered.Load()
		w.stage(stagedRollout(modes[i%len(modes)], "", "svc"))
		if modes[i%len(modes)] == "enforce" {
			held := schemas.Override{Subject: "tls/svc", Mode: schemas.ModeObserve, Who: "lee", Reason: "test", Since: time.Now()}
			if err := w.server.Override(t.Context(), held); err != nil {
				t.Fatal(err)
			}
			if err := w.server.ClearOverride(t.Context(), "tls/svc", "lee", "test"); err != nil {
				t.Fatal(err)
			}
		}
		w.eventually("requests", func() bool { return answered.Load() > before+4 })
	}
	close(stop)
	callers.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d of %d requests failed", failed.Load(), answered.Load())
	}
}

// What connections depend on has another key whenever a mode would differ at
// some time, and only a mode that holds now decides.
func TestStageKeys(t *testing.T) {
	t.Parallel()
	until := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	stages := []stage{{}}
	for _, mode := range schemas.Modes() {
		stages = append(stages, stage{"tls/svc", schemas.RolloutSubject{Mode: mode}})
		for _, then := range schemas.Modes() {
			stages = append(stages, stage{"tls/svc", schemas.RolloutSubject{Mode: mode, Until: until, Then: then}})
		}
	}
	for _, a := range stages {
		for _, at := range []time.Time{until.Add(-1), until} {
			mode := a.modeAt(at)
			if mode != schemas.ModeDisabled && a.key() == "" {
				t.Errorf("%+v has no key and is at %s", a, mode)
			}
			for _, b := range stages {
				if a.key() == b.key() && mode != b.modeAt(at) {
					t.Errorf("%+v and %+v share connections and differ at %s", a, b, at)
				}
			}
		}
	}
}
