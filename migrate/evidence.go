package migrate

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"lockstep/schemas"
)

// Evidence is what the logs of one environment say, with its denominator:
// what could not be read, and who did not report.
type Evidence struct {
	Environment string
	Window      Window
	Coverage    Coverage
	Samples     []Sample // the first lines that were not understood
	Nodes       []Node   // by name
	Gaps        []Gap    // by node and time
	Tallies     map[schemas.TallyKey]schemas.Tally
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
	File   string
	Line   int
	Reason string
}

func (s Sample) compare(other Sample) int {
	return cmp.Or(cmp.Compare(s.File, other.File), cmp.Compare(s.Line, other.Line), cmp.Compare(s.Reason, other.Reason))
}

// A Node is what was seen of a process that writes events.
type Node struct {
	Name          string          `json:"node"`
	First         time.Time       `json:"first,omitzero"` // heartbeat; zero if there is none
	Last          time.Time       `json:"last,omitzero"`  // heartbeat
	Hours         int             `json:"hours"`          // with a heartbeat
	RolloutDigest string          `json:"-"`              // as of the last heartbeat
	Subjects      []LoadedSubject `json:"-"`              // as of the last heartbeat
}

// A Gap is a stretch of time in which a node gave no sign of life for whole
// UTC hours, or, where Lines is set, in which lines of its log are missing.
// From is zero where lines before the first one read are missing.
type Gap struct {
	Node  string    `json:"node"`
	From  time.Time `json:"from,omitzero"`
	To    time.Time `json:"to"`
	Lines uint64    `json:"lines,omitempty"`
}

// A tallyRow is a tally with its key.
type tallyRow struct {
	schemas.TallyKey
	schemas.Tally
}

// rows lists the tallies in order.
func (e *Evidence) rows() []tallyRow {
	rows := make([]tallyRow, 0, len(e.Tallies))
	for key, tally := range e.Tallies {
		rows = append(rows, tallyRow{key, tally})
	}
	slices.SortFunc(rows, tallyRow.compare)
	return rows
}

func (r tallyRow) compare(other tallyRow) int {
	return cmp.Or(
		cmp.Compare(r.Subject, other.Subject), cmp.Compare(r.Client, other.Client), cmp.Compare(r.How, other.How),
		cmp.Compare(r.Outcome, other.Outcome), cmp.Compare(r.Reason, other.Reason), cmp.Compare(r.Day, other.Day),
		cmp.Compare(r.Node, other.Node), cmp.Compare(r.Environment, other.Environment),
	)
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
	}{e.Environment, e.Coverage.Parsed, e.Coverage.Unparsed, e.Gaps}
	if err := enc.Encode(head); err != nil {
		return "", fmt.Errorf("digest evidence: %w", err)
	}
	for _, node := range e.Nodes {
		state := struct {
			Node
			RolloutDigest string
			Subjects      []LoadedSubject
		}{node, node.RolloutDigest, node.Subjects}
		if err := enc.Encode(state); err != nil {
			return "", fmt.Errorf("digest evidence: %w", err)
		}
	}
	for _, row := range e.rows() {
		if err := enc.Encode(row); err != nil {
			return "", fmt.Errorf("digest evidence: %w", err)
		}
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil)), nil
}
