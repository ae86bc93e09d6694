package migrate

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lockstep/schemas"
)

// WritePlan writes a plan for people: what is ready, what is not and who is
// in the way, and what to type next. The paths are those of the plan and of
// the rollout file, as the user named them.
func WritePlan(w io.Writer, plan *schemas.Plan, planPath, rolloutPath string) error {
	text := &strings.Builder{}
	fmt.Fprintf(text, "plan %s for %s (%s), made %s, good until %s\n",
		plan.ID, printable(plan.Environment), plan.Tier, minute(plan.Created), minute(plan.Expires))
	if len(plan.Subjects) == 0 {
		fmt.Fprintln(text, "\nevery subject is enforced; there is nothing left to do")
	}
	for _, v := range plan.Subjects {
		writeVerdict(text, v)
	}
	writeKeys(text, plan.Keys)
	writeCommands(text, plan, planPath, rolloutPath)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

func writeVerdict(w io.Writer, v schemas.SubjectVerdict) {
	fmt.Fprintf(w, "\n%s  %s → %s: %s\n", v.Subject, v.From, v.To, v.Verdict)
	for _, reason := range v.Reasons {
		fmt.Fprintf(w, "  %s\n", reason)
	}
	if v.Ready != nil {
		fmt.Fprintf(w, "  ready %s if nothing fails until then\n", minute(*v.Ready))
	}
	writeFigures(w, v)
	if v.Advice != "" {
		fmt.Fprintf(w, "  advice: %s\n", v.Advice)
	}
	writeEvidence(w, "blocking", v.Blocking, len(v.Blocking))
	writeEvidence(w, "strangers that would be refused", v.Strangers, v.StrangerCount)
	writeEvidence(w, "would be refused, and that is accepted", v.Accepted, v.AcceptedCount)
	writeUnseen(w, v.Unseen)
}

// writeFigures writes what the verdict was reckoned with.
func writeFigures(w io.Writer, v schemas.SubjectVerdict) {
	if r := v.Risk; r != nil {
		fmt.Fprintf(w, "  risk %.2g of at most %g\n", r.Total, r.Limit)
	}
	if e := v.EValue; e != nil && e.Trials > 0 {
		fmt.Fprintf(w, "  e-value %.3g of %g: %s, %s, epoch %d\n", e.Value, e.Bar,
			plural(e.Trials, "client-day", "client-days"), plural(e.Failures, "failure", "failures"), e.Epoch)
	}
	if len(v.Impact) > 0 {
		fmt.Fprintf(w, "  if done now: %s\n", impactText(v.Impact))
	}
	if len(v.ApprovedBy) > 0 {
		fmt.Fprintf(w, "  approved by %s\n", strings.Join(printables(v.ApprovedBy), ", "))
	}
}

func writeUnseen(w io.Writer, clients []schemas.UnseenClient) {
	if len(clients) == 0 {
		return
	}
	fmt.Fprintln(w, "  expected and not seen:")
	table := newTable(w)
	for _, c := range clients {
		asked := "ask whom it belongs to"
		switch {
		case c.AttestedBy != "":
			asked = "attested by " + printable(c.AttestedBy)
		case c.Weight < gone:
			asked = "gone, by its silence"
		case c.Owner != "":
			asked = "ask " + printable(c.Owner)
		}
		fmt.Fprintf(table, "    %s\t%s\tlast %s\tdue %s\t%s\n", printable(c.Client), c.Period, timeText(c.Last), timeText(c.Due), asked)
	}
	_ = table.Flush() // it writes to memory
}

func timeText(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return minute(*t)
}

func writeEvidence(w io.Writer, title string, clients []schemas.ClientEvidence, count int) {
	if len(clients) == 0 {
		return
	}
	fmt.Fprintf(w, "  %s:\n", title)
	table := newTable(w)
	for _, c := range clients[:min(len(clients), maxListed)] {
		by := ""
		if c.AcceptedBy != "" {
			by = "\taccepted by " + printable(c.AcceptedBy)
		}
		fmt.Fprintf(table, "    %s\t%s\tok %d\tfail %d\t%s\tlast %s%s\n",
			printable(c.Client), c.How, c.OK, c.Fail, reasonText(c.Reasons), timeText(c.Last), by)
	}
	_ = table.Flush() // it writes to memory
	if more := count - maxListed; more > 0 {
		fmt.Fprintf(w, "    and %d more\n", more)
	}
}

// shellWord quotes a word for a POSIX shell where that is needed.
func shellWord(word string) string {
	const harmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:"
	if word != "" && strings.Trim(word, harmless) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
