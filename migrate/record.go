package migrate

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"lockstep/schemas"
)

// A RecordDialect reads a log that was written for people: a record may span
// several lines, a request may leave several records, and the same record may
// stand in several logs. Its methods are called from many goroutines.
type RecordDialect interface {
	Dialect

	// Begins reports whether a line begins a record. Lines that do not belong
	// to the record before them.
	Begins(line string) bool

	// Record says what a record means; text holds all of its lines. The error
	// says why a record that should count does not; it never quotes the text.
	// With [ErrTimezone] in it nothing of the log can be understood.
	Record(file, text string) (Record, error)

	// Profile is what is known of the logs before they are read.
	Profile() Profile
}

// ProbeClient is the client of our own probes, which fail by design: they show
// that a node checks the keys of an app. No client can have this name, as
// parentheses are escaped in names.
const ProbeClient = "(probe)"

// ErrTimezone is the error of a record whose time has no zone where none was named.
var ErrTimezone = errors.New("its time has no offset, and no timezone is named")

// A Profile is what is known of logs before they are read.
type Profile struct {
	Nodes        []string      // that are expected to log
	MaxGap       time.Duration // how long a node may be silent; an hour if zero
	FailuresOnly bool          // what passes is not in them
}

// A Record is what the lines of one record mean. Any record with a time is a
// sign of life of its node.
type Record struct {
	Node    string        // it never lies in the text, which may be let go before
	TimeMS  int64         // Unix time in milliseconds; 0 if the text has none
	Event   schemas.Event // a tally, if Counts; it may share memory with the text
	Counts  bool
	Thread  string // of which node and log; empty if the request has left no other record
	Second  bool   // the request may have left one before, on the same thread, and leaves none after
	Copy    string // which of several copies of the log this is; empty for the one that counts first
	Exposed bool   // it prints a secret in clear
}

// records cuts a text into its records.
func records(text string, begins func(line string) bool) iter.Seq[string] {
	return func(yield func(string) bool) {
		start, at := 0, 0
		for line := range strings.Lines(text) {
			if at > start && begins(strings.TrimRight(line, "\r\n")) {
				if !yield(text[start:at]) {
					return
				}
				start = at
			}
			at += len(line)
		}
		if start < at {
			yield(text[start:at])
		}
	}
}

// parseRecords reads the records of a block.
func (b *batch) parseRecords(d RecordDialect, opts *Options) {
	for text := range records(b.block.Text, d.Begins) {
		b.parseRecord(d, text, opts)
	}
}

// parseRecord reads one record, with all of its lines.
func (b *batch) parseRecord(d RecordDialect, text string, opts *Options) {
	number := b.block.Number + int(b.Lines)   //nolint:gosec // a number of lines
	more := uint64(strings.Count(text, "\n")) //nolint:gosec // the same
	if strings.HasSuffix(text, "\n") {
		more--
	}
	b.Lines += more
	b.Ignored += more
	record, err := d.Record(b.whose, text)
	if record.Exposed {
		b.exposed.add(Sample{File: b.block.File, Line: number, Reason: "it prints the secret of an access key in clear"})
	}
	if record.TimeMS > 0 {
		b.sign(record.Node, record.TimeMS)
	}
	switch {
	case errors.Is(err, ErrTimezone) && b.useless == nil:
		b.useless = fmt.Errorf("%s:%d: %w", printable(b.block.File), number, err)
	case err != nil && b.block.Open:
		b.Unfinished++
		return
	case err != nil:
		b.unparsed(number, err)
		return
	case !record.Counts || (opts.Environment != "" && record.Event.Environment != opts.Environment):
		b.Ignored++
	default:
		b.records = append(b.records, record)
		b.lines = append(b.lines, countedLine{thread: uint32(len(b.records) - 1)}) //nolint:gosec // blocks are small
	}
	b.Lines++
}

// sign notes a sign of life. There are many, of which those of one hour are one.
func (b *batch) sign(node string, ms int64) {
	if n := len(b.signs); n > 0 && b.signs[n-1].node == node && b.signs[n-1].lastMS/hourMS == ms/hourMS {
		b.signs[n-1].firstMS, b.signs[n-1].lastMS = min(b.signs[n-1].firstMS, ms), max(b.signs[n-1].lastMS, ms)
		return
	}
	b.signs = append(b.signs, sign{node, ms, ms})
}

// A sign of life of a node, or all of one hour.
type sign struct {
	node            string
	firstMS, lastMS int64
}

// An Exposure counts the records that print a secret, and names the first.
type Exposure struct {
	Records uint64   `json:"records"`
	Samples []Sample `json:"samples"`
}

func (x *Exposure) add(samples ...Sample) {
	x.Records += uint64(len(samples))
	x.keep(samples)
}

// keep keeps the first samples by place, so that the order does not matter.
func (x *Exposure) keep(samples []Sample) {
	x.Samples = firstSamples(x.Samples, samples)
}

func (x *Exposure) merge(other Exposure) {
	x.Records += other.Records
	x.keep(other.Samples)
}
