package runtime

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"lockstep/schemas"
)

// Details are for people: a flood of failures must not fill the disk. What is
// left out is counted, and the tallies know of every request.
const (
	detailsPerSecond = 100
	detailsWaiting   = 1024
)

// recorder counts requests on their way and writes what it counted. Requests
// meet it in [recorder.record] alone, which neither waits nor touches a file;
// the rest belongs to one goroutine.
type recorder struct {
	opts    *Options
	current *atomic.Pointer[snapshot]
	metrics *metrics
	sink    *sink // nil without an event log
	tallies *tallies
	details chan schemas.Event
	leftOut atomic.Uint64

	applied chan struct{} // word of a new snapshot, which may flush at another pace

	pending map[schemas.TallyKey]schemas.Tally // counted, not written yet
	failing bool                               // the last write failed
	bucket  bucket
}

// record starts to count. The last thing a process does is to write what is
// left.
func (s *Server) record(ctx context.Context) error {
	r := &recorder{
		opts: &s.opts, current: &s.current, metrics: s.metrics, tallies: newTallies(maxTallies),
		details: make(chan schemas.Event, detailsWaiting), applied: make(chan struct{}, 1), pending: map[schemas.TallyKey]schemas.Tally{},
	}
	s.recorder = r
	if s.opts.Events == "" || s.current.Load().environment == "" {
		s.opts.Logger.WarnContext(ctx, "no events are recorded: this needs both a rollout and a place for events")
		return nil
	}
	var err error
	if r.sink, err = newSink(s.opts.Events, s.opts.Node, newBoot()); err != nil {
		return err
	}
	if err := r.flush(); err != nil { // the first sign of life, and the proof that there can be more
		return errors.Join(err, r.sink.close())
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); r.run(ctx) }()
	s.onStop("events", func(stop context.Context) error {
		cancel()
		select {
		case <-done:
			return r.close()
		case <-stop.Done(): // a disk that hangs must not keep the process
			return fmt.Errorf("what was counted last is not written: %w", stop.Err())
		}
	})
	return nil
}

// newBoot names one start of a process.
func newBoot() string {
	var id [8]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}

// record counts a request that was checked.
func (r *recorder) record(to *route, req *http.Request, d *decision, now time.Time) {
	if c := to.counters[authResult{d.mode, d.reason}]; c != nil {
		c.Inc()
	}
	if r.sink == nil {
		return
	}
	from, ms := to.auth.identify(req), now.UnixMilli()
	if d.subject != "" {
		r.tallies.add(tallyKey{
			subject: d.subject, client: from.name, how: from.how, outcome: d.outcome, reason: d.reason,
		}, ms)
	}
	if d.outcome == schemas.OutcomeOK {
		return
	}
	select {
	case r.details <- schemas.Event{
		Kind: schemas.EventDetail, TimeMS: ms, Subject: d.subject, Client: from.name, How: from.how,
		Outcome: d.outcome, Reason: d.reason, Endpoint: to.endpoint, Mode: d.mode,
		Refused: d.status != 0, SkewMS: d.skewMS,
	}:
	default:
		r.leaveOut()
	}
}

func (r *recorder) leaveOut() {
	r.leftOut.Add(1)
	r.metrics.leftOut.Inc()
}

// run writes details as they come and everything else at each interval.
func (r *recorder) run(ctx context.Context) {
	pace := r.current.Load().flush
	timer := time.NewTimer(pace)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-r.details:
			r.writeDetail(e)
		case <-r.applied:
			if next := r.current.Load().flush; next != pace {
				pace = next
				timer.Reset(pace)
			}
		case <-timer.C:
			_ = r.flush() // logged; what was not written is tried again
			timer.Reset(pace)
		}
	}
}

// close writes what is left.
func (r *recorder) close() error {
	for {
		select {
		case e := <-r.details:
			r.writeDetail(e)
			continue
		default:
		}
		return errors.Join(r.flush(), r.sink.close())
	}
}

func (r *recorder) writeDetail(e schemas.Event) {
	e.Environment, e.Node = r.current.Load().environment, r.opts.Node
	if !r.bucket.take(r.opts.Now()) {
		r.leaveOut()
		return
	}
	if written, _ := r.write([]schemas.Event{e}); written == 0 { // the error is logged
		r.leaveOut()
	}
}

// flush writes all tallies and, after them, a heartbeat: whoever reads it
// knows that nothing counted before is missing. What could not be written
// stays in memory for the next time.
func (r *recorder) flush() error {
	s, at := r.current.Load(), r.opts.Now()
	now := at.UnixMilli()
	r.collect(s.environment)
	keys := make([]schemas.TallyKey, 0, len(r.pending))
	for key := range r.pending {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareTallies)
	events := make([]schemas.Event, 0, len(keys)+1)
	for _, key := range keys {
		e := schemas.TallyEvent(key, r.pending[key])
		e.TimeMS = now
		events = append(events, e)
	}
	leftOut := r.leftOut.Load()
	written, err := r.write(append(events, schemas.Event{
		Kind: schemas.EventHeartbeat, Environment: s.environment, Node: r.opts.Node, TimeMS: now,
		LeftOut: leftOut, RolloutDigest: s.rolloutDigest, Subjects: s.states(at),
	}))
	for _, key := range keys[:min(written, len(keys))] {
		delete(r.pending, key)
	}
	if written > len(keys) {
		r.leftOut.Add(-leftOut)
	}
	return err
}

// collect adds what was counted since the last time to what is pending. While
// nothing can be written, that must not grow for ever either.
func (r *recorder) collect(environment string) {
	r.tallies.take(func(short tallyKey, t schemas.Tally) {
		key := short.full(environment, r.opts.Node)
		if _, known := r.pending[key]; !known && int64(len(r.pending)) >= r.tallies.limit {
			key.Client = schemas.OverflowClient
		}
		sum := r.pending[key]
		sum.Merge(t)
		r.pending[key] = sum
	})
}

func (r *recorder) write(events []schemas.Event) (written int, err error) {
	written, err = r.sink.write(events)
	switch {
	case err != nil:
		r.metrics.writeErrors.Inc()
		if !r.failing {
			r.opts.Logger.Error("events cannot be written; tallies are kept in memory", "error", err)
		}
	case r.failing:
		r.opts.Logger.Info("events are written again")
	}
	r.failing = err != nil
	return written, err
}

// compareTallies orders tallies so that equal counts give equal logs.
func compareTallies(a, b schemas.TallyKey) int {
	return cmp.Or(
		cmp.Compare(a.Day, b.Day), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Client, b.Client),
		cmp.Compare(a.How, b.How), cmp.Compare(a.Outcome, b.Outcome), cmp.Compare(a.Reason, b.Reason))
}
