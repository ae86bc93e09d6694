package schemas

import (
	"encoding/json"
	"fmt"
	"time"
)

// An EventKind tells the lines of an event log apart.
type EventKind string

// The kinds of events. Counts come from tallies alone.
const (
	EventTally     EventKind = "tally"     // how often since the last tally of the same key
	EventDetail    EventKind = "detail"    // one request, for people; may be left out under load
	EventHeartbeat EventKind = "heartbeat" // a sign of life each minute, also when idle
	EventOverride  EventKind = "override"  // a subject is held below its rollout, or no longer
)

// An Outcome says whether a request passed its check, whatever the mode made of it.
type Outcome string

// The outcomes.
const (
	OutcomeOK   Outcome = "ok"
	OutcomeFail Outcome = "fail"
)

// A Reason says why a check failed; it is empty for [OutcomeOK].
type Reason string

// The closed list of reasons.
const (
	ReasonNone          Reason = ""
	ReasonMissing       Reason = "missing"        // no Authorization header
	ReasonSkew          Reason = "skew"           // the timestamp is too far from now
	ReasonSignature     Reason = "signature"      // no key of the app gives this signature
	ReasonUnknownKey    Reason = "unknown_key"    // a key that has to be asked is not loaded
	ReasonMalformed     Reason = "malformed"      // a header that is there cannot be read
	ReasonRefusedTarget Reason = "refused_target" // method or path that an enforcing listener refuses
	ReasonShadowed      Reason = "shadowed"       // a key that only observes beside an enforced one gives this signature
	ReasonReplay        Reason = "replay"         // a signature that was right, and has been used before
)

// Reasons lists every reason of a failure.
func Reasons() []Reason {
	return []Reason{
		ReasonMissing, ReasonSkew, ReasonSignature,
		ReasonUnknownKey, ReasonMalformed, ReasonRefusedTarget, ReasonShadowed, ReasonReplay,
	}
}

// How says how a client's identity is known.
type How string

// The two grades of identity.
const (
	HowVerified How = "verified" // set by the nearest trusted hop
	HowClaimed  How = "claimed"  // said by the client itself
)

// OverflowClient stands for all clients that were too many to tell apart. No
// client can have this name, as parentheses are escaped in names.
const OverflowClient = "(overflow)"

// An Event is one line of an event log. Kind says which of the other fields
// are set; (Node, Boot, Seq) is unique and counts once however often it is read.
type Event struct {
	Kind        EventKind `json:"kind"`
	Environment string    `json:"environment"`
	Node        string    `json:"node"`
	Boot        string    `json:"boot"` // one start of a process
	Seq         uint64    `json:"seq"`  // counts from 1 within a boot, without gaps
	TimeMS      int64     `json:"time_ms"`

	// Tally and detail.
	Subject string  `json:"subject,omitempty"`
	Client  string  `json:"client,omitempty"`
	How     How     `json:"how,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
	Reason  Reason  `json:"reason,omitempty"`

	// Tally.
	Day     string `json:"day,omitempty"` // UTC, 2006-01-02
	Count   uint64 `json:"count,omitempty"`
	FirstMS int64  `json:"first_ms,omitempty"`
	LastMS  int64  `json:"last_ms,omitempty"`
	Hours   uint32 `json:"hours,omitempty"` // bit h: traffic in UTC hour h of Day

	// Detail.
	Endpoint string `json:"endpoint_id,omitempty"`
	Mode     Mode   `json:"mode,omitempty"`
	Refused  bool   `json:"refused,omitempty"`
	SkewMS   int64  `json:"skew_ms,omitempty"` // our clock minus the client's

	// Detail of a handshake with an upstream: its own certificate first, then
	// those up to the root if it passed, else as they were sent.
	Chain []EventCertificate `json:"chain,omitempty"`

	// Heartbeat.
	LeftOut       uint64         `json:"left_out,omitempty"` // details not written since the last heartbeat
	RolloutDigest string         `json:"rollout_digest,omitempty"`
	Subjects      []SubjectState `json:"subjects,omitempty"`
	Final         bool           `json:"final,omitempty"` // the last event of its boot: all that was counted is written

	// Override; Subject is what is held, Mode what it is held at.
	Change  OverrideChange `json:"change,omitempty"`
	SinceMS int64          `json:"since_ms,omitempty"` // when it was set
	Who     string         `json:"who,omitempty"`
	Why     string         `json:"why,omitempty"` // for people
}

// An OverrideChange says what has become of an override.
type OverrideChange string

// What can become of an override.
const (
	OverrideSet     OverrideChange = "set"
	OverrideCleared OverrideChange = "cleared" // by hand
	OverrideLapsed  OverrideChange = "lapsed"  // as its entry in the rollout has changed
)

// A SubjectState says what a process has loaded for a subject.
type SubjectState struct {
	Subject     string `json:"subject"`
	Mode        Mode   `json:"mode"`
	Fingerprint string `json:"fingerprint,omitempty"` // of the key in use; empty if it is not loaded
}

// An EventCertificate is one of the certificates of an upstream.
type EventCertificate struct {
	SHA256     string `json:"sha256"` // of the whole certificate, in hexadecimal digits
	NotAfterMS int64  `json:"not_after_ms"`
}

// Time is the moment the event was written.
func (e *Event) Time() time.Time { return time.UnixMilli(e.TimeMS).UTC() }

// Line encodes e as one line of an event log, newline included.
func (e *Event) Line() ([]byte, error) {
	line, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	return append(line, '\n'), nil
}

// ParseEvent reads one line of an event log. It refuses what [Event.Line]
// would not write: unknown fields, and values outside the closed lists. The
// event keeps parts of the line alive: clone what is to outlive it.
func ParseEvent(line string) (Event, error) {
	e, ok := scanEvent(line)
	if !ok {
		var err error
		if e, err = decodeEvent([]byte(line)); err != nil {
			return Event{}, err
		}
	}
	return e, e.check()
}

func decodeEvent(line []byte) (Event, error) {
	var e Event
	if err := decodeLine(line, &e); err != nil {
		return Event{}, fmt.Errorf("not an event: %w", err)
	}
	return e, nil
}
