package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"lockstep/runtime/admin"
)

// writeCtlStatus writes a status for people: what is served in a line, what is
// wrong in others, then the listeners in a table.
func writeCtlStatus(w io.Writer, s *admin.Status) {
	fmt.Fprintf(w, "%s serves %s\n", s.Node, versionText(s.Served))
	if s.Rollout != nil {
		fmt.Fprintf(w, "rollout: %s of %s\n", rolloutName(s.Rollout), s.Rollout.Environment)
	}
	switch {
	case s.Error != nil:
		writeCtlError(w, "files: not served", s.Error)
	case s.Rollback != nil:
		fmt.Fprintln(w, "files: not served, see rollback")
	default:
		fmt.Fprintln(w, "files: served")
	}
	if s.Rollback != nil {
		fmt.Fprintf(w, "rollback: %s\n", rollbackText(s.Rollback))
	}
	writeCtlOverrides(w, s.Overrides)
	for _, alarm := range s.Alarms {
		fmt.Fprintf(w, "alarm: %s\n", alarm)
	}
	if !s.Ready {
		fmt.Fprintln(w, "it is not ready")
	}
	writeCtlListeners(w, s.Listeners)
}

func writeCtlOverrides(w io.Writer, overrides []admin.Override) {
	for _, o := range overrides {
		fmt.Fprintf(w, "override: %s is held at %s since %s by %s: %s\n", o.Subject, o.Mode, minuteText(o.At), o.By, o.Reason)
	}
}

func writeCtlListeners(w io.Writer, listeners []admin.Listener) {
	if len(listeners) == 0 {
		return
	}
	rows := [][]string{{"LISTENER", "VERSION", "LAST UPDATED", "STATE"}}
	for _, l := range listeners {
		version, updated, state := strconv.Itoa(l.Version), minuteText(l.Updated), "good"
		switch {
		case l.Error != nil && l.Version == 0:
			version, updated, state = "-", "-", "never good, its requests are refused"
		case l.Error != nil:
			state = "held, its last good version is served"
		}
		if l.Piko != nil {
			state += ", " + pikoText(l.Piko)
		}
		rows = append(rows, []string{l.Name, version, updated, state})
	}
	fmt.Fprintln(w)
	writeTable(w, rows)
	for _, l := range listeners {
		if l.Error != nil {
			fmt.Fprintln(w)
			writeCtlError(w, l.Name, l.Error)
		}
		if l.Piko != nil && (l.Piko.Message != "" || !l.Piko.Registered) {
			fmt.Fprintln(w)
			message := cmp.Or(l.Piko.Message, "the server has not answered yet")
			what := pikoText(l.Piko)
			if l.Piko.Registered {
				what = "cannot register anew, and keeps its piko session"
			}
			writeCtlError(w, l.Name+" "+what, &admin.Error{Message: message, Hints: l.Piko.Hints, Attempt: l.Piko.Since})
		}
	}
}

func pikoText(p *admin.Piko) string {
	if p.Registered {
		return "registered at piko"
	}
	return "not registered at piko"
}

// writeCtlError writes why something is not served, and what to do about it.
func writeCtlError(w io.Writer, what string, e *admin.Error) {
	fmt.Fprintf(w, "%s since %s:\n", what, minuteText(e.Attempt))
	for line := range strings.Lines(e.Message) {
		fmt.Fprintf(w, "  %s\n", strings.TrimSuffix(line, "\n"))
	}
	for _, hint := range e.Hints {
		fmt.Fprintf(w, "  hint: %s\n", hint)
	}
}

// writeCtlHistory writes a table of versions.
func writeCtlHistory(w io.Writer, h *admin.History) {
	rows := [][]string{{"VERSION", "APPLIED", "DIGEST", "CHANGED", "NOTE"}}
	for _, v := range h.Versions {
		var notes []string
		if v.Served {
			notes = append(notes, "served")
		}
		if v.Rollback != nil {
			notes = append(notes, "rollback to "+rollbackText(v.Rollback))
		}
		rows = append(rows, []string{
			strconv.Itoa(v.Version.Version), minuteText(v.Applied), shortDigest(v.Digest),
			strings.Join(v.Changed, ", "), strings.Join(notes, ", "),
		})
	}
	writeTable(w, rows)
}

// writeTable aligns columns, and leaves no spaces at the end of a line.
func writeTable(w io.Writer, rows [][]string) {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	_ = table.Flush() // a builder takes everything
	for line := range strings.Lines(text.String()) {
		fmt.Fprintln(w, strings.TrimRight(line, " \n"))
	}
}

// writeCtlDiff writes a unified diff, and what it does not show.
func writeCtlDiff(w io.Writer, d *admin.Diff) {
	fmt.Fprint(w, d.Text)
	for _, note := range d.Notes {
		fmt.Fprintln(w, note)
	}
	if len(d.Files) > 0 {
		fmt.Fprintf(w, "changed from %s to %s: %s\n", d.From, d.To, strings.Join(d.Files, ", "))
	}
	switch {
	case d.Same():
		fmt.Fprintf(w, "%s and %s are the same\n", d.From, d.To)
	case d.Text == "" && len(d.Notes) == 0:
		fmt.Fprintln(w, "what differs is not shown: comments, secrets, or the content of keys and certificates")
	}
}

// writeCtlOutcome writes what an act has come to.
func writeCtlOutcome(w io.Writer, o *admin.Outcome) {
	switch o.Result {
	case admin.Applied:
		fmt.Fprintf(w, "applied: %s is served\n", versionText(o.Served))
	case admin.Unchanged:
		fmt.Fprintf(w, "unchanged: %s is served\n", versionText(o.Served))
	case admin.Rejected:
		fmt.Fprintf(w, "rejected: %s is served as before\n", versionText(o.Served))
	}
	if o.Error != nil {
		writeCtlError(w, "files: not served", o.Error)
	}
	writeCtlOverrides(w, o.Overrides)
	writeCtlListeners(w, o.Listeners)
}

func rollbackText(r *admin.Rollback) string {
	return fmt.Sprintf("version %d by %s at %s, until a file changes: %s", r.To, r.By, minuteText(r.At), r.Reason)
}

func versionText(v admin.Version) string {
	return fmt.Sprintf("version %d, applied %s, digest %s", v.Version, minuteText(v.Applied), shortDigest(v.Digest))
}

// shortDigest is enough of a digest to tell versions apart.
func shortDigest(digest string) string {
	short := strings.TrimPrefix(digest, "sha256:")
	return short[:min(len(short), 12)]
}

func minuteText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
