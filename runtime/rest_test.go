package runtime

import (
	"testing"
	"time"
)

// TestNameCutsRestShort rests for an hour after hints that led to nothing. The
// event of a stranger does not end that, that of an input does.
func TestNameCutsRestShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "8080").start()
	a := newApplier(w.server) // another one, whose goroutine is this one
	a.watcher = newWatcher(w.server)
	t.Cleanup(a.watcher.close)
	a.seen = a.place()
	look := &survey{taken: time.Now().Add(-time.Hour)} // so that a rest may be long
	a.pause, a.rested = time.Hour, time.Now()
	w.write("stranger", "x")
	w.eventually("event of a stranger", func() bool { return len(a.watcher.woken) > 0 })
	select {
	case <-a.watcher.named:
		t.Error("a stranger has the name of an input")
	default:
	}
	done := make(chan struct{})
	go func() { defer close(done); a.rest(t.Context(), look, time.Now()) }()
	w.write("k1", secret2)
	select {
	case <-done:
	case <-time.After(15 * time.Second):
		t.Error("still resting")
	}
	if a.pause < time.Hour {
		t.Errorf("a rest of %v", a.pause)
	}
}
