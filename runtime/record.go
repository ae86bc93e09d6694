package runtime

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"lockstep/schemas"
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
	details details

	handshakes *handshakes // with upstreams

	leftOut atomic.Uint64

	applied chan struct{} // word of a new snapshot, which may flush at another pace

	pending  *pending
	held     []schemas.Event // refusals that could not be written
	failing  bool            // the last write failed
	bucket   bucket
	lastRead time.Time // of the clock

	lastWrite prometheus.Gauge

	overrides []schemas.Override // as the event log has them
	tripwire  *tripwire
}

// record starts to count. The last thing a process does is to write what is
// left.
func (s *Server) record(ctx context.Context) error {
	r := &recorder{
		opts: &s.opts, current: &s.current, metrics: s.metrics, tallies: newTallies(maxTallies, maxKnown),
		details: newDetails(), handshakes: s.handshakes, applied: make(chan struct{}, 1), pending: newPending(maxTallies),
		tripwire: newTripwire(ctx, s),
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
	r.lastWrite = s.metrics.eventsWritten()
	s.handshakes.record()
	if err := r.flush(false); err != nil { // the first sign of life, and the proof that there can be more
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
	to.counters.inc(authResult{d.mode, d.reason})
	if d.timed {
		to.meters.skew.observe(d.skewMS)
	}
	if r.sink == nil {
		return
	}
	from, ms := to.auth.identify(req), now.UnixMilli()
	if d.subject != "" {
		r.tallies.add(d.app, tallyKey{
			subject: d.subject, client: from.name, how: from.how, outcome: d.outcome, reason: d.reason,
		}, ms)
	}
	if d.outcome == schemas.OutcomeOK {
		return
	}
	r.detail(&schemas.Event{
		Kind: schemas.EventDetail, TimeMS: ms, Subject: d.subject, Client: from.name, How: from.how,
		Outcome: d.outcome, Reason: d.reason, Endpoint: to.endpoint, Mode: d.mode,
		Refused: d.status != 0, SkewMS: d.skewMS,
	})
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
		case e := <-r.details.refused:
			time.Sleep(gathering)
			r.writeRefused(e)
		case e := <-r.details.observed:
			r.writeObserved(e)
		case <-r.applied:
			r.writeOverrides()
			if next := r.current.Load().flush; next != pace {
				pace = next
				timer.Reset(pace)
			}
		case <-timer.C:
			r.watchClock(r.opts.Now())
			_ = r.flush(false) // logged; what was not written is tried again
			timer.Reset(pace)
		}
	}
}

// close writes what is left.
func (r *recorder) close() error {
	for {
		select {
		case e := <-r.details.refused:
			r.writeRefused(e)
			continue
		case e := <-r.details.observed:
			r.writeObserved(e)
			continue
		default:
		}
		return errors.Join(r.flush(true), r.sink.close())
	}
}

// flush writes all tallies and, after them, a heartbeat: whoever reads it
// knows that nothing counted before is missing, and of the final one that
// nothing counted after is either. What could not be written stays in memory
// for the next time.
func (r *recorder) flush(final bool) error {
	at := r.opts.Now()
	r.collect(at)
	s, now := r.current.Load(), at.UnixMilli() // by now the tripwire may have stepped back
	r.writeHeld(true)
	r.writeHandshakes(at)
	keys := r.pending.keys()
	events := make([]schemas.Event, 0, len(keys)+1)
	for _, key := range keys {
		e := schemas.TallyEvent(key, r.pending.tallies[key].Tally)
		e.TimeMS = now
		events = append(events, e)
	}
	leftOut := r.leftOut.Load()
	written, err := r.write(append(events, schemas.Event{
		Kind: schemas.EventHeartbeat, Environment: s.environment, Node: r.opts.Node, TimeMS: now,
		LeftOut: leftOut, RolloutDigest: s.rolloutDigest, Subjects: s.states(at), Final: final,
	}))
	r.pending.written(keys[:min(written, len(keys))])
	if written > len(keys) {
		r.leftOut.Add(-leftOut)
	}
	return err
}

// collect takes over what was counted, and shows it to the tripwire.
func (r *recorder) collect(at time.Time) {
	environment := r.current.Load().environment
	r.tallies.take(func(short tallyKey, t *classTally) {
		r.tripwire.see(short, t.Tally)
		r.pending.add(short.full(environment, r.opts.Node), t)
	})
	r.handshakes.take(func(key tallyKey, t *classTally) { r.pending.add(key.full(environment, r.opts.Node), t) })
	r.tripwire.judge(r.current.Load(), at)
	r.writeOverrides()
}

func (r *recorder) write(events []schemas.Event) (written int, err error) {
	if len(events) == 0 {
		return 0, nil
	}
	r.sink.maxBytes = r.current.Load().maxEvents
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
	if written > 0 {
		r.lastWrite.Set(float64(r.opts.Now().UnixMilli()) / 1000)
	}
	r.failing = err != nil
	return written, err
}
