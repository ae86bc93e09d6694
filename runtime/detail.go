package runtime

import (
	"time"

	"lockstep/schemas"
)

// Details are for people: a flood of failures must not fill the disk. What is
// left out is counted, and the tallies know of every request.
//
// Refusals are more than that: they are what an operator has to answer for.
// They know no limit but the speed of the disk, for which a refused request
// waits a little, and are held for as long as nothing can be written.
const (
	detailsPerSecond = 100
	detailsWaiting   = 1024
	detailsAtOnce    = 512

	denialsWaiting = 2048
	denialsHeld    = 4096
	denialWait     = 50 * time.Millisecond

	// A refusal waits for others before it is written: in a flood, a write for
	// each costs as much as the answers.
	gathering = 5 * time.Millisecond
)

// details are on their way from the requests to the event log.
type details struct {
	observed chan schemas.Event // in time, or left out
	refused  chan schemas.Event
}

func newDetails() details {
	return details{make(chan schemas.Event, detailsWaiting), make(chan schemas.Event, denialsWaiting)}
}

// detail hands over what is to be told of a failed request.
func (r *recorder) detail(e *schemas.Event) {
	if !e.Refused {
		select {
		case r.details.observed <- *e:
		default:
			r.leaveOut(1)
		}
		return
	}
	select {
	case r.details.refused <- *e:
	default:
		r.waitToTell(e)
	}
}

func (r *recorder) waitToTell(e *schemas.Event) {
	timer := time.NewTimer(denialWait)
	defer timer.Stop()
	select {
	case r.details.refused <- *e:
	case <-timer.C:
		r.leaveOutDenials(1)
	}
}

func (r *recorder) leaveOut(n int) {
	r.leftOut.Add(uint64(n)) //nolint:gosec // a count
	r.metrics.leftOut.Add(float64(n))
}

func (r *recorder) leaveOutDenials(n int) {
	r.leaveOut(n)
	r.metrics.denialsLost.Add(float64(n))
}

// writeObserved writes e and what waits behind it, as far as the limit lets it.
func (r *recorder) writeObserved(e schemas.Event) {
	batch := r.batch(e, r.details.observed)
	allowed := 0
	for now := r.opts.Now(); allowed < len(batch) && r.bucket.take(now); {
		allowed++
	}
	written, _ := r.write(batch[:allowed]) // the error is logged
	r.leaveOut(len(batch) - written)
}

// writeRefused writes e, what waits behind it and what could not be written
// before.
func (r *recorder) writeRefused(e schemas.Event) {
	r.held = append(r.held, r.batch(e, r.details.refused)...)
	r.writeHeld(!r.failing) // the next flush will find out
}

// writeHeld writes what is held, if it is worth a try, and bounds the rest.
func (r *recorder) writeHeld(try bool) {
	written := 0
	if try {
		written, _ = r.write(r.held) // the error is logged
	}
	rest := copy(r.held, r.held[written:])
	if rest > denialsHeld {
		r.leaveOutDenials(rest - denialsHeld)
		rest = denialsHeld
	}
	r.held = r.held[:rest]
}

// batch is e and what waits behind it.
func (r *recorder) batch(e schemas.Event, rest <-chan schemas.Event) []schemas.Event {
	environment := r.current.Load().environment
	batch := []schemas.Event{}
	for {
		e.Environment, e.Node = environment, r.opts.Node
		if batch = append(batch, e); len(batch) == detailsAtOnce {
			return batch
		}
		select {
		case e = <-rest:
		default:
			return batch
		}
	}
}
