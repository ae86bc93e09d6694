package migrate

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"lockstep/schemas"
)

// WriteEvents writes what was verified as events of the nodes whose logs were
// read, for `--logs` of any command: tallies, and a heartbeat for each hour
// that the log of a node covers, saying which keys it was held against. The
// same logs and keys give the same events, so that those count once however
// often they are read.
//
// A line that was not understood may have been a request. So many numbers are
// left out of the events, which makes it a missing line of the first node.
func (v *Verification) WriteEvents(w io.Writer) error {
	digest, err := v.Digest()
	if err != nil {
		return err
	}
	seed := bytes.NewBufferString(digest)
	for _, key := range v.Keys {
		fmt.Fprintf(seed, " %s=%s=%s", key.Subject, key.Mode, key.Secret.Fingerprint())
	}
	out := &eventWriter{
		out: bufio.NewWriter(w), environment: v.Environment, seq: map[string]uint64{}, subjects: v.states(),
		boot: "replay-" + strings.TrimPrefix(schemas.Digest(seed.Bytes()), "sha256:")[:16],
	}
	lost := v.Coverage.Unparsed
	for _, node := range v.Nodes {
		if !node.First.IsZero() {
			out.beat(node, v.Gaps, lost)
			lost = 0
		}
	}
	for key, tally := range v.Tallies {
		out.tally(key, tally)
	}
	for _, node := range v.Nodes {
		if !node.Last.IsZero() {
			out.event(schemas.Event{Kind: schemas.EventHeartbeat, Node: node.Name, TimeMS: node.Last.UnixMilli(), Subjects: out.subjects, Final: true})
		}
	}
	if err := errors.Join(out.err, v.failed, out.out.Flush()); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

// states are the keys that the requests were held against.
func (v *Verification) states() []schemas.SubjectState {
	states := make([]schemas.SubjectState, len(v.Keys))
	for i, key := range v.Keys {
		states[i] = schemas.SubjectState{Subject: key.Subject.String(), Mode: key.Mode, Fingerprint: key.Secret.Fingerprint()}
	}
	return states
}

// An eventWriter numbers the events of each node.
type eventWriter struct {
	out         *bufio.Writer
	environment string
	boot        string
	seq         map[string]uint64 // by node
	subjects    []schemas.SubjectState
	err         error
}

func (w *eventWriter) event(e schemas.Event) {
	w.seq[e.Node]++
	e.Environment, e.Boot, e.Seq = w.environment, w.boot, w.seq[e.Node]
	line, err := e.Line()
	_, writeErr := w.out.Write(line)
	w.err = errors.Join(w.err, err, writeErr)
}

func (w *eventWriter) tally(key schemas.TallyKey, tally schemas.Tally) {
	e := schemas.TallyEvent(key, tally)
	e.TimeMS = tally.LastMS
	w.event(e)
}

// beat writes a heartbeat for the first moment of a node, and for each hour
// after it that is no gap. A silence that the mapping allows is none.
func (w *eventWriter) beat(node Node, gaps []Gap, lost uint64) {
	for at := node.First; !at.After(node.Last); at = at.Truncate(time.Hour).Add(time.Hour) {
		if !inGap(gaps, node.Name, at) {
			w.event(schemas.Event{Kind: schemas.EventHeartbeat, Node: node.Name, TimeMS: at.UnixMilli(), Subjects: w.subjects})
		}
	}
	w.seq[node.Name] += lost
}

func inGap(gaps []Gap, node string, at time.Time) bool {
	for _, gap := range gaps {
		if gap.Node == node && gap.Lines == 0 && !gap.Cut && !at.Before(gap.From) && at.Before(gap.To) {
			return true
		}
	}
	return false
}
