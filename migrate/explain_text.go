package migrate

import (
	"fmt"
	"io"
	"strings"

	"lockstep/schemas"
)

// maxDays is how many days of a timeline are shown, the last ones.
const maxDays = 45

// WriteText writes the explanation for people.
func (e *Explanation) WriteText(w io.Writer) error {
	text := &strings.Builder{}
	for i := range e.Subjects {
		e.Subjects[i].write(text)
	}
	for i := range e.Clients {
		e.Clients[i].write(text, e.Name)
	}
	if _, err := io.WriteString(w, strings.TrimPrefix(text.String(), "\n")); err != nil {
		return fmt.Errorf("write explanation: %w", err)
	}
	return nil
}

func (e *SubjectExplanation) write(w *strings.Builder) {
	if e.Verdict != nil {
		writeVerdict(w, *e.Verdict)
	} else {
		fmt.Fprintf(w, "\n%s  %s since %s, the last step\n", e.Subject, e.State.Mode, minute(e.State.Since))
	}
	fmt.Fprintln(w, "\nhistory:")
	if len(e.Entries) == 0 {
		fmt.Fprintf(w, "  %s since %s; the journal has nothing on it\n", e.State.Mode, minute(e.State.Since))
	}
	table := newTable(w)
	for _, entry := range e.Entries {
		for _, c := range entry.Changes {
			if c.Subject == e.Subject {
				fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", minute(entry.Time), printable(entry.Who), entry.Action, changeText(c), because(entry))
			}
		}
	}
	_ = table.Flush() // it writes to memory
	writeDays(w, e.Days)
	writeCauses(w, e.Causes)
}

func (e *ClientExplanation) write(w *strings.Builder, name string) {
	if e.Unseen != nil {
		e.writeUnseen(w, name)
		return
	}
	fmt.Fprintf(w, "\n%s, %s, in %s: %s\n", printable(name), e.How, appText(e.App), e.describe())
	table := newTable(w)
	fmt.Fprintf(table, "  first seen\t%s\n  last passed\t%s\n  last failed\t%s\n", minute(e.First), minute(e.LastOK), minute(e.LastFail))
	_ = table.Flush() // it writes to memory
	writeHolds(w, e.Holds)
	writeDays(w, e.Days)
	writeCauses(w, e.Causes)
}

// appText names an app, or the upstream that stands for itself.
func appText(id string) string {
	if schemas.IsTLSSubject(id) {
		return id
	}
	return "app " + id
}

// describe says what the standing means.
func (e *ClientExplanation) describe() string {
	switch e.Standing {
	case StandingBlocks:
		return "would be refused, and blocks"
	case StandingFails:
		return "its last request failed"
	case StandingRepaired:
		return "has failed, and passes since"
	case StandingAccepted:
		return "would be refused, which a line of the inventory accepts"
	case StandingStranger:
		return "a stranger: it would be refused, and nobody knows it"
	case StandingUnseen:
		return "expected, and has not come"
	case StandingPasses:
	}
	return "passes"
}

func (e *ClientExplanation) writeUnseen(w *strings.Builder, name string) {
	u := e.Unseen
	fmt.Fprintf(w, "\n%s in app %s: expected, and has not come\n", printable(name), e.App)
	fmt.Fprintf(w, "  %s, last %s, due %s\n", u.Period, timeText(u.Last), timeText(u.Due))
	writeHolds(w, e.Holds)
	switch {
	case u.AttestedBy != "":
		fmt.Fprintf(w, "  attested by %s: it signs\n", printable(u.AttestedBy))
	case u.Owner != "":
		fmt.Fprintf(w, "  fix: ask %s to run it, or to attest in the inventory that it signs\n", printable(u.Owner))
	default:
		fmt.Fprintln(w, "  fix: find out whom it belongs to; run it, or attest in the inventory that it signs")
	}
}

func writeHolds(w io.Writer, subjects []string) {
	if len(subjects) > 0 {
		fmt.Fprintf(w, "  holds the gate of %s\n", strings.Join(subjects, ", "))
	}
}

func writeDays(w io.Writer, days []Day) {
	if len(days) == 0 {
		return
	}
	table := newTable(w)
	fmt.Fprintln(table, "\nDAY\tPASSED\tFAILED")
	for _, day := range days[max(0, len(days)-maxDays):] {
		fmt.Fprintf(table, "%s\t%d\t%d\n", day.Date, day.OK, day.Fail)
	}
	_ = table.Flush() // it writes to memory
	if left := len(days) - maxDays; left > 0 {
		fmt.Fprintf(w, "and %s before\n", plural(left, "day", "days"))
	}
}

func writeCauses(w io.Writer, causes []Cause) {
	if len(causes) == 0 {
		return
	}
	fmt.Fprintln(w, "\ncauses:")
	for _, c := range causes {
		fmt.Fprintf(w, "  %s (%s): %s, %s\n    fix: %s\n", c.What, c.Reason,
			plural(c.Clients, "client", "clients"), plural(c.Requests, "request", "requests"), c.Fix)
	}
}

// dateOf is the date of a day since 1970.
func dateOf(day int64) schemas.Date { return schemas.DateOf(utc(day * dayMS)) }
