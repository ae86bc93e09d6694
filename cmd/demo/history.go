package main

import (
	"bytes"
	"fmt"
	"time"

	"lockstep/schemas"
)

const (
	historyDays = 30 // how long the demo's rollout has observed
	repairedDay = 10 // so many days ago the two wrong clients were repaired
)

// history is the event log of the last 30 days, as lockstep run would have
// written it: the four clients call every hour, and two of them fail until
// they are repaired. The demo cannot wait a month.
func history(now time.Time, rollout *schemas.Rollout, fingerprint string) ([]byte, error) {
	h := &historian{boot: "history", rollout: rollout.Digest(), fingerprint: fingerprint}
	first := now.UTC().AddDate(0, 0, -historyDays).Truncate(time.Hour).Add(time.Hour)
	for at := first; at.Before(now); at = at.Add(time.Hour) {
		for _, c := range newCallers() {
			h.tally(at, c, now.Sub(at) > repairedDay*24*time.Hour)
		}
		h.heartbeat(at)
	}
	h.heartbeat(now)
	return h.log.Bytes(), h.err
}

// A historian writes events with growing sequence numbers.
type historian struct {
	log                        bytes.Buffer
	boot, rollout, fingerprint string
	seq                        uint64
	err                        error
}

// tally counts one request of c at the given hour.
func (h *historian) tally(at time.Time, c *caller, beforeRepair bool) {
	key := schemas.TallyKey{
		Environment: environment, Node: node, Subject: "key/" + app + "/k1", Client: c.ip,
		How: schemas.HowClaimed, Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly),
	}
	switch {
	case !beforeRepair || c.secret == secretOfDemo:
	case c.secret == "":
		key.Subject, key.Outcome, key.Reason = "key/"+app, schemas.OutcomeFail, schemas.ReasonMissing
	default:
		key.Subject, key.Outcome, key.Reason = "key/"+app, schemas.OutcomeFail, schemas.ReasonSignature
	}
	var tally schemas.Tally
	tally.Add(at.UnixMilli())
	h.write(at, schemas.TallyEvent(key, tally))
}

func (h *historian) heartbeat(at time.Time) {
	h.write(at, schemas.Event{
		Kind: schemas.EventHeartbeat, Environment: environment, Node: node, RolloutDigest: h.rollout,
		Subjects: []schemas.SubjectState{{Subject: "key/" + app + "/k1", Mode: schemas.ModeObserve, Fingerprint: h.fingerprint}},
	})
}

func (h *historian) write(at time.Time, e schemas.Event) {
	h.seq++
	e.Boot, e.Seq, e.TimeMS = h.boot, h.seq, at.UnixMilli()
	line, err := e.Line()
	if err != nil && h.err == nil {
		h.err = fmt.Errorf("write history: %w", err)
	}
	h.log.Write(line)
}
