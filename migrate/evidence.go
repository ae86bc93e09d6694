package migrate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"lockstep/schemas"
)

// Evidence is what the logs of one environment say, with its denominator:
// what could not be read, and who did not report.
type Evidence struct {
	Environment string
	Window      Window
	Coverage    Coverage
	Samples     []Sample        // the first lines that were not understood
	Nodes       []Node          // by name
	Gaps        []Gap           // by node and time
	Sources     []SourceState   // by name
	Unknown     []UnknownWindow // in which a source could not be read
	Dominant    []Dominant
	Exposed     Exposure // secrets that the logs print

	// FailuresOnly is set where the logs tell of no request that passes.
	FailuresOnly bool

	MaxGap time.Duration // how long a node may be silent, if a mapping says so

	source tallySource
	failed error // of reading the tallies
}

// Silent reports whether nothing was found to go by, not even by logs in which
// silence is good news.
func (e *Evidence) Silent() bool {
	if e.FailuresOnly {
		return len(e.Nodes) == 0
	}
	return e.Coverage.Parsed == 0
}

// Close gives back what the tallies take outside of memory.
func (e *Evidence) Close() error {
	if e.source == nil {
		return nil
	}
	return e.source.Close()
}

// Tallies yields all tallies in order, each key once. What goes wrong shows in
// [Evidence.Digest].
func (e *Evidence) Tallies(yield func(schemas.TallyKey, schemas.Tally) bool) {
	for row := range e.rows() {
		if !yield(row.TallyKey, row.Tally) {
			return
		}
	}
}

// rows yields the tallies as rows. It ends early if they cannot be read, which
// stays on record.
func (e *Evidence) rows() iter.Seq[tallyRow] {
	return func(yield func(tallyRow) bool) {
		if e.source == nil {
			return
		}
		for row, err := range e.source.rows(context.Background()) {
			if err != nil {
				e.failed = errors.Join(e.failed, err)
				return
			}
			if !yield(row) {
				return
			}
		}
	}
}

// A Window is a span of time that events tell of; zero if there are none.
type Window struct {
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

// include widens the window to the moment ms, a Unix time in milliseconds.
func (w *Window) include(ms int64) {
	at := utc(ms)
	if w.From.IsZero() || at.Before(w.From) {
		w.From = at
	}
	if at.After(w.To) {
		w.To = at
	}
}

// Coverage counts lines: Lines = Parsed + Ignored + Unparsed.
type Coverage struct {
	Lines      uint64 `json:"lines"`
	Parsed     uint64 `json:"parsed"`   // events that count
	Ignored    uint64 `json:"ignored"`  // of other loggers or environments, or read before
	Unparsed   uint64 `json:"unparsed"` // not understood
	Unfinished uint64 `json:"-"`        // files whose last line is still being written; not in Lines
	Copies     uint64 `json:"copies"`   // files left out, as another one begins with all they hold

	Shorter  uint64 `json:"shorter,omitempty"`  // files left out, as more was read before of one that begins like them
	Replaced uint64 `json:"replaced,omitempty"` // files whose name another one has, and that are not found under any other
}

func (c *Coverage) add(other Coverage) {
	c.Lines += other.Lines
	c.Parsed += other.Parsed
	c.Ignored += other.Ignored
	c.Unparsed += other.Unparsed
	c.Unfinished += other.Unfinished
}

// UnparsedShare is the share of unparsed lines among those that were not ignored.
func (c Coverage) UnparsedShare() float64 {
	if c.Unparsed == 0 {
		return 0
	}
	return float64(c.Unparsed) / float64(c.Parsed+c.Unparsed)
}

// A Sample is the place of a line that was not understood, and the reason.
// The line itself may hold a secret and is never shown.
type Sample struct {
	Host   string `json:"host,omitempty"` // of a scan file
	File   string `json:"file"`
	Line   int    `json:"line"` // 0 of a log database
	Reason string `json:"reason"`
}

// place is where a person finds the line, as scp would name the file.
func (s Sample) place() string {
	if s.Line == 0 { // a log database has no lines
		return visible(s.File)
	}
	host := ""
	if s.Host != "" {
		host = printable(s.Host) + ":"
	}
	return fmt.Sprintf("%s%s:%d", host, printable(s.File), s.Line)
}

func (s Sample) compare(other Sample) int {
	return cmp.Or(cmp.Compare(s.Host, other.Host), cmp.Compare(s.File, other.File), cmp.Compare(s.Line, other.Line), cmp.Compare(s.Reason, other.Reason))
}

// A Node is what was seen of a process that writes events.
type Node struct {
	Name          string          `json:"node"`
	First         time.Time       `json:"first,omitzero"`  // heartbeat; zero if there is none
	Last          time.Time       `json:"last,omitzero"`   // heartbeat
	Hours         int             `json:"hours"`           // with a heartbeat
	Twins         []Window        `json:"twins,omitempty"` // when several processes had this name
	OK            uint64          `json:"-"`               // requests that passed
	Fail          uint64          `json:"-"`               // requests that failed
	RolloutDigest string          `json:"-"`               // as of the last heartbeat
	Subjects      []LoadedSubject `json:"-"`               // as of the last heartbeat
	Overrides     []schemas.Event `json:"-"`               // in force, by subject
	Chains        []ShownChain    `json:"-"`               // of upstreams, by subject and address
}

// A Gap is a stretch of time in which a node gave no sign of life for whole
// UTC hours, or, where Lines is set, in which lines of its log are missing.
// From is zero where lines before the first one read are missing. A cut is
// where a process was ended without a last word, as by kill -9: what it had
// counted since its last heartbeat, at From, is lost.
type Gap struct {
	Node  string    `json:"node"`
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to"`
	Lines uint64    `json:"lines,omitempty"`
	Cut   bool      `json:"cut,omitempty"`
}

// Digest identifies all that a verdict rests on: the tallies, and what is
// missing. Names of files and lines that were ignored do not change it.
func (e *Evidence) Digest() (string, error) {
	sum := sha256.New()
	enc := json.NewEncoder(sum)
	head := struct {
		Environment      string
		Parsed, Unparsed uint64
		Gaps             []Gap
		FailuresOnly     bool            `json:",omitempty"`
		MaxGap           time.Duration   `json:",omitempty"`
		Unknown          []UnknownWindow `json:",omitempty"`
		Shorter          uint64          `json:",omitempty"`
	}{e.Environment, e.Coverage.Parsed, e.Coverage.Unparsed, e.Gaps, e.FailuresOnly, e.MaxGap, e.Unknown, e.Coverage.Shorter}
	if err := enc.Encode(head); err != nil {
		return "", fmt.Errorf("digest evidence: %w", err)
	}
	for _, node := range e.Nodes {
		state := struct {
			Node
			RolloutDigest string
			Subjects      []LoadedSubject
			Chains        []ShownChain `json:",omitempty"`
		}{node, node.RolloutDigest, node.Subjects, node.Chains}
		if err := enc.Encode(state); err != nil {
			return "", fmt.Errorf("digest evidence: %w", err)
		}
	}
	for row := range e.rows() {
		if err := enc.Encode(row); err != nil {
			return "", fmt.Errorf("digest evidence: %w", err)
		}
	}
	if e.failed != nil {
		return "", e.failed
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}
