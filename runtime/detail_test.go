package runtime

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/schemas"
)

// refuse has a request refused.
func (r *recorder) refuse(to *route) {
	req := &http.Request{RequestURI: "/a?ip=a"}
	r.record(to, req, &decision{
		status: http.StatusUnauthorized, app: "key/demo", subject: "key/demo", mode: schemas.ModeEnforce,
		outcome: schemas.OutcomeFail, reason: schemas.ReasonMissing,
	}, noon)
}

func countKind(events []schemas.Event, kind schemas.EventKind) (n int) {
	for _, e := range events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// TestDenialsKnowNoLimit writes every refusal of a flood in which details of
// what is observed are left out.
func TestDenialsKnowNoLimit(t *testing.T) {
	t.Parallel()
	r, _, to, _ := newTestRecorder(t)
	const flood = 10 * detailsPerSecond
	for range flood {
		r.refuse(to)
		r.writeRefused(<-r.details.refused)
	}
	if err := r.flush(false); err != nil {
		t.Fatal(err)
	}
	events := (&world{t: t}).events(r.sink.path)
	if n := countKind(events, schemas.EventDetail); n != flood || events[len(events)-1].LeftOut != 0 {
		t.Errorf("%d of %d refusals are told, %d left out", n, flood, events[len(events)-1].LeftOut)
	}
}

// TestDenialsAreHeld keeps refusals while nothing can be written, up to a
// limit, and counts the rest.
func TestDenialsAreHeld(t *testing.T) {
	t.Parallel()
	r, disk, to, _ := newTestRecorder(t)
	disk.room = 0
	const beyond = 10
	for range denialsHeld + beyond {
		r.refuse(to)
		r.writeRefused(<-r.details.refused)
	}
	disk.room = 1 << 30
	if err := r.flush(false); err != nil {
		t.Fatal(err)
	}
	events := (&world{t: t}).events(r.sink.path)
	if n, last := countKind(events, schemas.EventDetail), events[len(events)-1]; n != denialsHeld || last.LeftOut != beyond {
		t.Errorf("%d refusals are told, %d left out", n, last.LeftOut)
	}
	if n := tallied(events)["key/demo a claimed fail missing"]; n != denialsHeld+beyond {
		t.Errorf("%d are counted", n)
	}
}

// TestDenialsWait makes a refused request wait for a slow disk, but not for
// long, and no other request at all.
func TestDenialsWait(t *testing.T) {
	t.Parallel()
	r, _, to, _ := newTestRecorder(t) // whose channels take two
	for range 2 {
		r.refuse(to)
	}
	began := time.Now()
	r.refuse(to)
	if took := time.Since(began); took < denialWait || r.leftOut.Load() != 1 {
		t.Errorf("waited %s, %d left out", took, r.leftOut.Load())
	}
	done := make(chan struct{})
	go func() { defer close(done); r.refuse(to) }()
	r.writeRefused(<-r.details.refused) // there is room before its time is up, or it was not waiting yet
	<-done
	if n := r.leftOut.Load(); n != 1 {
		t.Errorf("%d left out though there was room", n)
	}
	r.details.observed = nil // would wait for ever
	r.fail(to, "a")
	if n := r.leftOut.Load(); n != 2 {
		t.Errorf("%d left out", n)
	}
}

// TestFinalHeartbeat is the last event of a boot that ends in order, and only
// if all could be written.
func TestFinalHeartbeat(t *testing.T) {
	t.Parallel()
	r, disk, to, _ := newTestRecorder(t)
	r.fail(to, "a")
	disk.room = 10
	if err := r.close(); err == nil {
		t.Error("nothing is said of what could not be written")
	}
	disk.room = 1 << 20
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	var finals []int
	events := []schemas.Event{}
	for line := range strings.Lines(readFile(t, r.sink.path)) {
		e, err := schemas.ParseEvent(line)
		if err != nil {
			continue // what was torn
		}
		if events = append(events, e); e.Final {
			finals = append(finals, len(events))
		}
	}
	if len(finals) != 1 || finals[0] != len(events) || tallied(events)["key/demo a claimed fail missing"] != 1 {
		t.Errorf("final are %v of %d; tallies %v", finals, len(events), tallied(events))
	}
}

// TestClockSteps alarms of a clock that was set, forwards or back, and not of
// one that is kept right.
func TestClockSteps(t *testing.T) {
	t.Parallel()
	r, _, _, log := newTestRecorder(t)
	r.watchClock(time.Now())
	r.watchClock(time.Now().Add(time.Hour)) // both clocks say so
	r.clockMoved(time.Minute, time.Minute+999*time.Millisecond)
	if text := log.String(); text != "" {
		t.Errorf("an alarm of nothing:\n%s", text)
	}
	r.clockMoved(time.Minute, 59*time.Second)
	r.clockMoved(-time.Hour, time.Minute)
	text := log.String()
	if strings.Count(text, "was set") != 2 || !strings.Contains(text, `"step_seconds":1`) || !strings.Contains(text, `"step_seconds":-3660`) {
		t.Errorf("log:\n%s", text)
	}
}

// TestDenialsGather has refusals that come one after the other share a write.
func TestDenialsGather(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _, to, _ := newTestRecorder(t)
		r.details = newDetails()
		ctx, cancel := context.WithCancel(t.Context())
		opened, writes := r.sink.open, 0
		r.sink.open = func(path string) (eventFile, error) {
			file, err := opened(path)
			return countingFile{file, &writes}, err
		}
		done := make(chan struct{})
		go func() { defer close(done); r.run(ctx) }()
		for range 10 {
			r.refuse(to)
			time.Sleep(gathering / 20)
		}
		time.Sleep(2 * gathering)
		cancel()
		<-done
		if writes != 1 {
			t.Errorf("10 refusals took %d writes", writes)
		}
	})
}

// countingFile counts what is written at once.
type countingFile struct {
	eventFile
	writes *int
}

func (f countingFile) Write(p []byte) (int, error) {
	*f.writes++
	return f.eventFile.Write(p)
}
