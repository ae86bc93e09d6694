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
	for block, err := range files.Blocks(ctx) {
		if err != nil {
			return err
		}
		number := block.Number
		for line := range strings.Lines(block.Text) {
			if lines--; lines < 0 {
				return nil
			}
			line = strings.TrimRight(line, "\r\n")
			if _, err := fmt.Fprintf(w, "%s:%d: %s\n", printable(block.File), number, understood(line, &opts)); err != nil {
				return fmt.Errorf("write lines: %w", err)
			}
			number++
		}
	}
	return nil
}

// understood says what a line means. It never quotes the line, which may hold
// a secret.
func understood(line string, opts *Options) string {
	e, ok, err := opts.Dialect.Parse(line)
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
	words := []string{
		string(e.Outcome), e.Subject, printable(e.Client), "(" + string(e.How) + ")", string(e.Reason),
		utc(e.LastMS).Format(time.RFC3339), "node " + printable(e.Node),
	}
	if e.Count > 1 {
		words = append(words, plural(e.Count, "time", "times"))
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}
