package runtime

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lockstep/schemas"
)

// newTestRecorder records into a file whose disk the test fills and empties.
func newTestRecorder(t *testing.T) (*recorder, *fullDisk, *route, *logBuffer) {
	t.Helper()
	log := &logBuffer{}
	var current atomic.Pointer[snapshot]
	current.Store(&snapshot{environment: "fat", flush: time.Hour})
	disk := &fullDisk{room: 1 << 30}
	m := newMetrics("test")
	r := &recorder{
		opts:    &Options{Node: "n1", Now: func() time.Time { return noon }, Logger: slog.New(slog.NewJSONHandler(log, nil))},
		current: &current, metrics: m, tallies: newTallies(50, maxKnown),
		lastWrite: m.eventsWritten(), handshakes: newHandshakes(&Options{}, m),
		details: details{make(chan schemas.Event, 2), make(chan schemas.Event, 2)}, pending: newPending(50),
		sink: &sink{path: filepath.Join(t.TempDir(), "events"), boot: "b1", open: func(path string) (eventFile, error) {
			file, err := openEvents(path)
			if err != nil {
				return nil, err
			}
			disk.File = file.(*os.File)
			return disk, nil
		}},
	}
	t.Cleanup(func() { _ = r.sink.close() })
	to := &route{endpoint: "svc", auth: testAuth("demo"), counters: m.requests.of("svc")}
	to.auth.identity = []schemas.IdentitySource{{Kind: schemas.IdentityParam, Name: "ip"}}
	return r, disk, to, log
}

func (r *recorder) fail(to *route, client string) {
	req := &http.Request{RequestURI: "/a?ip=" + client}
	r.record(to, req, &decision{
		app: "key/demo", subject: "key/demo", mode: schemas.ModeObserve, outcome: schemas.OutcomeFail, reason: schemas.ReasonMissing,
	}, noon)
}

// TestNothingIsLostOnAFullDisk counts through an outage of the event log.
func TestNothingIsLostOnAFullDisk(t *testing.T) {
	t.Parallel()
	r, disk, to, log := newTestRecorder(t)
	r.fail(to, "a")
	disk.room = 0
	for range 3 {
		if err := r.flush(false); !errors.Is(err, errNoSpace) {
			t.Fatalf("flush on a full disk: %v", err)
		}
		r.fail(to, "a")
		r.fail(to, "b")
	}
	if n := strings.Count(log.String(), "events cannot be written"); n != 1 {
		t.Errorf("the outage is logged %d times", n)
	}
	disk.room = 1 << 20
	if err := r.flush(false); err != nil {
		t.Fatal(err)
	}
	events := (&world{t: t}).events(r.sink.path)
	counts := tallied(events)
	if counts["key/demo a claimed fail missing"] != 4 || counts["key/demo b claimed fail missing"] != 3 {
		t.Errorf("tallies %v", counts)
	}
	// Two details wait in the channel; seven failures there were.
	if last := events[len(events)-1]; last.Kind != schemas.EventHeartbeat || last.LeftOut != 5 {
		t.Errorf("heartbeat %+v, want 5 details left out", last)
	}
	if len(r.pending.tallies) != 0 || !strings.Contains(log.String(), "events are written again") {
		t.Errorf("%d tallies pending; log:\n%s", len(r.pending.tallies), log.String())
	}
	if err := r.close(); err != nil {
		t.Fatal(err)
	}
	events = (&world{t: t}).events(r.sink.path)
	if last := events[len(events)-1]; last.LeftOut != 0 {
		t.Errorf("the heartbeat repeats what was left out: %+v", last)
	}
}

// TestOutageIsBounded keeps no more tallies than the limit over a long outage,
// and has room for those that pass all the same.
func TestOutageIsBounded(t *testing.T) {
	t.Parallel()
	r, disk, to, _ := newTestRecorder(t)
	disk.room = 0
	for i := range 20 {
		r.fail(to, string(rune('a'+i)))
		_ = r.flush(false)
	}
	if len(r.pending.tallies) > 6 {
		t.Errorf("%d tallies pending, want the limit of 5 and the overflow", len(r.pending.tallies))
	}
	r.record(to, &http.Request{RequestURI: "/a?ip=known"}, &decision{
		app: "key/demo", subject: "key/demo/k1", mode: schemas.ModeObserve, outcome: schemas.OutcomeOK,
	}, noon)
	_ = r.flush(false)
	r.fail(to, "known")
	_ = r.flush(false)
	disk.room = 1 << 20
	if err := r.flush(false); err != nil {
		t.Fatal(err)
	}
	sum, counts := uint64(0), tallied((&world{t: t}).events(r.sink.path))
	for _, count := range counts {
		sum += count
	}
	if sum != 22 || counts["key/demo/k1 known claimed ok"] != 1 || counts["key/demo known claimed fail missing"] != 1 {
		t.Errorf("%d of 22 requests counted: %v", sum, counts)
	}
}

// TestDetailsAreLimited writes a second's worth of a flood, and counts the rest.
func TestDetailsAreLimited(t *testing.T) {
	t.Parallel()
	r, _, to, _ := newTestRecorder(t)
	const flood = 3 * detailsPerSecond
	for range flood {
		r.fail(to, "a")
		r.writeObserved(<-r.details.observed)
	}
	if err := r.flush(false); err != nil {
		t.Fatal(err)
	}
	events := (&world{t: t}).events(r.sink.path)
	details := 0
	for _, e := range events {
		if e.Kind == schemas.EventDetail {
			details++
		}
	}
	if left := events[len(events)-1].LeftOut; details != detailsPerSecond || left != flood-detailsPerSecond {
		t.Errorf("%d details written, %d left out", details, left)
	}
	if counts := tallied(events); counts["key/demo a claimed fail missing"] != flood {
		t.Errorf("tallies %v", counts)
	}
}

// TestSkewIsShown keeps the sum of a histogram sane, whatever a client sends.
func TestSkewIsShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo(t, "up").URL)
	w.start()
	for _, timestamp := range []string{
		strconv.FormatInt(time.Now().Add(-20*time.Second).UnixMilli(), 10), "9223372036854775807", "-9223372036854775808", "x",
	} {
		w.get(target, "Timestamp", timestamp)
	}
	_, metrics := w.ops("/metrics")
	for _, line := range []string{
		`lockstep_auth_clock_skew_seconds_bucket{endpoint="svc",le="-60"} 1`, `lockstep_auth_clock_skew_seconds_bucket{endpoint="svc",le="10"} 1`,
		`lockstep_auth_clock_skew_seconds_bucket{endpoint="svc",le="30"} 2`, `lockstep_auth_clock_skew_seconds_count{endpoint="svc"} 3`,
		"\nlockstep_events_last_write_timestamp_seconds 1.",
		`lockstep_auth_clock_skew_seconds_sum{endpoint="svc"} 2`, // an hour too early and one too late are 0
	} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no %s in\n%s", line, metrics)
		}
	}
}
