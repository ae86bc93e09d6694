package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"
)

// latestMS is the last moment of the year 9999, beyond which a time has no
// text in JSON.
const latestMS = 253402300799999

// check reports the first field that makes e no event.
func (e *Event) check() error {
	if e.Environment == "" || e.Node == "" || e.Boot == "" || e.Seq == 0 || e.TimeMS <= 0 {
		return errors.New("not an event: environment, node, boot, seq or time_ms is missing")
	}
	if e.TimeMS > latestMS {
		return errors.New("not an event: time_ms is beyond the year 9999")
	}
	switch e.Kind {
	case EventTally:
		return e.checkTally()
	case EventDetail:
		return errors.Join(e.checkOutcome(), e.checkChain())
	case EventHeartbeat:
		return nil
	case EventOverride:
		return e.checkOverride()
	default:
		return errors.New("not an event: unknown kind")
	}
}

func (e *Event) checkOverride() error {
	if subject, err := ParseSubject(e.Subject); err != nil || !subject.HasMode() {
		return errors.New("not an override: subject is no key, nor tls/<endpoint_id>")
	}
	switch {
	case e.Mode != ModeDisabled && e.Mode != ModeObserve:
		return errors.New("not an override: mode is neither disabled nor observe")
	case e.Change != OverrideSet && e.Change != OverrideCleared && e.Change != OverrideLapsed:
		return errors.New("not an override: change is none of set, cleared and lapsed")
	case e.SinceMS <= 0 || e.SinceMS > latestMS:
		return errors.New("not an override: since_ms is no time")
	case len(e.Who) > maxOverrideText || len(e.Why) > maxOverrideText:
		return errors.New("not an override: who or why is too long")
	}
	return nil
}

// checkOutcome holds for every event that tells of requests.
func (e *Event) checkOutcome() error {
	switch {
	case e.How != HowVerified && e.How != HowClaimed:
		return fmt.Errorf("not a %s: how is neither verified nor claimed", e.Kind)
	case e.Outcome == OutcomeOK && e.Reason == ReasonNone:
		return nil
	case e.Outcome == OutcomeFail && slices.Contains(reasonsOf(e.Subject), e.Reason):
		return nil
	default:
		return fmt.Errorf("not a %s: outcome and reason do not fit each other", e.Kind)
	}
}

// reasonsOf lists those for which a check of a subject fails.
func reasonsOf(subject string) []Reason {
	if IsTLSSubject(subject) {
		return TLSReasons()
	}
	return Reasons()
}

// MaxChain is how many certificates an event may have. What a server sends
// beyond is of no use.
const MaxChain = 16

// checkChain makes sure that certificates are of an upstream, and can be told
// apart.
func (e *Event) checkChain() error {
	switch {
	case len(e.Chain) > 0 && !IsTLSSubject(e.Subject):
		return errors.New("not a detail: it has a chain, and its subject is no upstream")
	case len(e.Chain) > MaxChain:
		return errors.New("not a detail: its chain is too long")
	}
	for _, c := range e.Chain {
		if _, err := hex.DecodeString(c.SHA256); err != nil || len(c.SHA256) != 2*sha256.Size {
			return errors.New("not a detail: a certificate has no digest")
		}
	}
	return nil
}

// checkTally makes sure that the span of a tally lies in its day and that its
// hours agree with its span, so that a merge cannot spoil other tallies.
func (e *Event) checkTally() error {
	if err := e.checkOutcome(); err != nil {
		return err
	}
	if _, err := ParseSubject(e.Subject); err != nil {
		return fmt.Errorf("not a tally: %w", err)
	}
	day, err := time.Parse(time.DateOnly, e.Day)
	if err != nil {
		return errors.New("not a tally: day is not a date")
	}
	start, end := day.UnixMilli(), day.AddDate(0, 0, 1).UnixMilli()
	switch {
	case e.Count == 0 || e.Client == "":
		return errors.New("not a tally: count or client is missing")
	case e.FirstMS <= 0 || e.FirstMS < start || e.LastMS >= end || e.FirstMS > e.LastMS:
		return errors.New("not a tally: first_ms and last_ms do not lie in its day")
	case e.Hours>>24 != 0 || e.Hours&hourBit(e.FirstMS) == 0 || e.Hours&hourBit(e.LastMS) == 0:
		return errors.New("not a tally: hours do not cover first_ms and last_ms")
	}
	return nil
}
