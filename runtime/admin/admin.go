// Package admin is how people look at a running `lockstep run` and act on it:
// the vocabulary, the server and the client of its admin address.
//
// The address is a Unix socket that only its owner can open, or TCP with a
// token or client certificates. Answers are JSON and hold no secret.
package admin

import (
	"context"
	"errors"
	"slices"
	"time"

	"lockstep/schemas"
)

// FormatVersion counts the incompatible changes of the answers.
const FormatVersion = 1

// ErrRefused says that an act is not done as it must not be, and that nothing
// has changed.
var ErrRefused = errors.New("refused")

// ErrRequest says that a question makes no sense.
var ErrRequest = errors.New("bad request")

// A Control is the process that the admin address belongs to. Its errors are
// of [ErrRefused] or [ErrRequest], or something that could not be done.
type Control interface {
	Status() *Status
	History() (*History, error)
	// Diff compares two versions: from 0 is what is served, to 0 what is on disk.
	Diff(ctx context.Context, from, to int) (*Diff, error)
	// Rollback goes back to a version, or takes a subject back to a weaker
	// mode. By says how the caller is known.
	Rollback(ctx context.Context, r RollbackRequest, by string) (*Outcome, error)
	// Reload reads the files again and waits until they are judged.
	Reload(ctx context.Context) (*Outcome, error)
}

// A Status says what is served, and whether the files on disk are that.
type Status struct {
	Format    int        `json:"format"`
	Node      string     `json:"node"`
	Program   string     `json:"program"` // its version
	Now       time.Time  `json:"now"`
	Ready     bool       `json:"ready"`
	Served    Version    `json:"served"`
	Rollout   *Rollout   `json:"rollout,omitempty"`     // as it is served; nil if there is none
	Error     *Error     `json:"error_state,omitempty"` // why the files on disk are not served
	Listeners []Listener `json:"listeners"`
	Rollback  *Rollback  `json:"rollback,omitempty"` // in force
	Overrides []Override `json:"overrides"`          // in force
	Alarms    []string   `json:"alarms"`
}

// Failed reports whether something of the files on disk is not served, or not
// registered where it should be; a session from before may be left then.
func (s *Status) Failed() bool {
	return s.Error != nil || slices.ContainsFunc(s.Listeners, Listener.Failed)
}

// A Rollout is what a process has loaded of its rollout file, as its
// heartbeats have it.
type Rollout struct {
	Environment string                 `json:"environment"`
	Digest      string                 `json:"digest"`
	Seq         uint64                 `json:"seq,omitempty"` // of the last entry of the journal that it reflects
	Subjects    []schemas.SubjectState `json:"subjects"`

	byName map[string]schemas.SubjectState
}

// A Version is one state of the files that was applied.
type Version struct {
	Version int       `json:"version"`
	Digest  string    `json:"digest"`
	Applied time.Time `json:"applied"`
}

// An Error is an attempt that failed; what was served before still is. It is
// Envoy's error_state.
type Error struct {
	Message string    `json:"message"`
	Hints   []string  `json:"hints,omitempty"`
	Attempt time.Time `json:"last_update_attempt"`
}

// A Listener is the state of one listener, in the words of Envoy's config
// dump.
type Listener struct {
	Name    string    `json:"name"`
	Version int       `json:"version"` // that it was last changed by, 0 if it was never good
	Updated time.Time `json:"last_updated,omitzero"`
	Error   *Error    `json:"error_state,omitempty"`
	Piko    *Piko     `json:"piko,omitempty"` // only where it is registered at a Piko server
}

// Failed reports whether it is not served as the files ask for.
func (l Listener) Failed() bool {
	return l.Error != nil || l.Piko != nil && (!l.Piko.Registered || l.Piko.Message != "")
}

// A Piko is how a listener stands with its Piko server.
type Piko struct {
	Registered bool      `json:"registered"`
	Since      time.Time `json:"since"`
	Message    string    `json:"message,omitempty"` // why the last attempt failed, or the last session ended
	Hints      []string  `json:"hints,omitempty"`   // what to do about it
}

// A Rollback has the documents of an earlier version served until one of those
// on disk changes.
type Rollback struct {
	To     int       `json:"to"`
	Reason string    `json:"reason"`
	By     string    `json:"by"`
	At     time.Time `json:"at"`
}

// An Override holds a subject at a weaker mode until its entry in the rollout
// changes.
type Override struct {
	Subject string    `json:"subject"`
	Mode    string    `json:"mode"`
	Reason  string    `json:"reason"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// A History lists the versions that are kept, newest first.
type History struct {
	Format   int           `json:"format"`
	Versions []PastVersion `json:"versions"`
}

// A PastVersion is one that was applied.
type PastVersion struct {
	Version
	Changed  []string  `json:"changed"` // config, policy, rollout, keys, certificates
	Files    []string  `json:"files"`   // the first few of them
	Served   bool      `json:"served"`  // now
	Rollback *Rollback `json:"rollback,omitempty"`
}

// A Diff says what two versions have apart.
type Diff struct {
	Format int      `json:"format"`
	From   string   `json:"from"`  // version N
	To     string   `json:"to"`    // version N, or disk
	Text   string   `json:"diff"`  // unified, of the documents without comments and secrets
	Files  []string `json:"files"` // whose content differs, also where Text hides it
	Notes  []string `json:"notes"` // about documents that are not compared
}

// Same reports whether nothing differs.
func (d *Diff) Same() bool { return len(d.Files)+len(d.Notes) == 0 && d.Text == "" }

// A RollbackRequest asks for a step back: to a version, or of a subject.
type RollbackRequest struct {
	Version int    `json:"version,omitempty"`
	Subject string `json:"subject,omitempty"`
	Mode    string `json:"mode,omitempty"`  // of the subject; observe if empty
	Clear   bool   `json:"clear,omitempty"` // the mode of the rollout holds for the subject again
	IfMatch int    `json:"if_match"`        // the version that the caller has looked at
	Reason  string `json:"reason"`
}

// A Result is what an act has come to.
type Result string

// The results.
const (
	Applied   Result = "applied"
	Unchanged Result = "unchanged"
	Rejected  Result = "rejected"
)

// An Outcome is what an act has come to, and what is served after it.
type Outcome struct {
	Format    int        `json:"format"`
	Result    Result     `json:"result"`
	Served    Version    `json:"served"`
	Error     *Error     `json:"error_state,omitempty"` // of a rejection
	Listeners []Listener `json:"listeners"`             // with an error of their own
	Overrides []Override `json:"overrides"`             // in force
}
