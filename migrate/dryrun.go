package migrate

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"lockstep/schemas"
)

// DryRun writes how the first lines of logs are understood, and keeps nothing.
func DryRun(ctx context.Context, w io.Writer, files *Files, opts Options, lines int) error {
	files.cutAt(opts.Dialect)
	for block, err := range files.Blocks(ctx) {
		if err != nil {
			return err
		}
		number := block.Number
		for text := range records(block.Text, beginsRecord(opts.Dialect)) {
			if lines--; lines < 0 {
				return nil
			}
			if _, err := fmt.Fprintf(w, "%s:%d: %s\n", printable(block.File), number, understood(block.File, text, opts.ofFile(block.File))); err != nil {
				return fmt.Errorf("write lines: %w", err)
			}
			number += strings.Count(text, "\n")
		}
	}
	return nil
}

// beginsRecord tells where records begin: with every line, if the dialect
// does not know better.
func beginsRecord(d Dialect) func(line string) bool {
	if d, ok := d.(RecordDialect); ok {
		return d.Begins
	}
	return func(string) bool { return true }
}

// understood says what a line means, or a record of several. It never quotes
// the line, which may hold a secret.
func understood(file, text string, opts *Options) string {
	e, ok, err := event(file, text, opts.Dialect)
	switch {
	case err != nil:
		return "not understood: " + err.Error()
	case !ok:
		return "ignored"
	case opts.Environment != "" && e.Environment != opts.Environment:
		return "ignored, of environment " + printable(e.Environment)
	case e.Kind != schemas.EventTally:
		return fmt.Sprintf("%s of node %s", e.Kind, printable(e.Node))
	}
	return tallyWords(&e)
}

// event reads a line, or a record of several.
func event(file, text string, d Dialect) (schemas.Event, bool, error) {
	if d, ok := d.(RecordDialect); ok {
		record, err := d.Record(file, text)
		return record.Event, record.Counts, err
	}
	return d.Parse(strings.TrimRight(text, "\r\n"))
}

func tallyWords(e *schemas.Event) string {
	words := []string{
		string(e.Outcome), e.Subject, printable(e.Client), "(" + string(e.How) + ")", string(e.Reason),
		utc(e.LastMS).Format(time.RFC3339), "node " + printable(e.Node),
	}
	if e.Count > 1 {
		words = append(words, plural(e.Count, "time", "times"))
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}
