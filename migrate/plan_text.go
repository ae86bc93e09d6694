package migrate

import (
	"fmt"
	"io"
	"strings"

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
	writeEvidence(w, "blocking", v.Blocking)
	writeEvidence(w, "strangers that would be refused", v.Strangers)
}

func writeEvidence(w io.Writer, title string, clients []schemas.ClientEvidence) {
	if len(clients) == 0 {
		return
	}
	fmt.Fprintf(w, "  %s:\n", title)
	table := newTable(w)
	for _, c := range clients {
		last := "never"
		if c.Last != nil {
			last = minute(*c.Last)
		}
		fmt.Fprintf(table, "    %s\t%s\tok %d\tfail %d\t%s\tlast %s\n", printable(c.Client), c.How, c.OK, c.Fail, reasonText(c.Reasons), last)
	}
	_ = table.Flush() // it writes to memory
}

func writeCommands(w io.Writer, plan *schemas.Plan, planPath, rolloutPath string) {
	if len(plan.Batches) == 0 {
		fmt.Fprintln(w, "\nnothing is ready")
		return
	}
	fmt.Fprintln(w, "\nnext:")
	for _, batch := range plan.Batches {
		fmt.Fprintf(w, "  lockstep migrate apply %s --rollout %s --batch %s\n",
			shellWord(planPath), shellWord(rolloutPath), shellWord(batch.ID))
	}
	fmt.Fprintln(w, "and back at once, if need be:")
	for _, batch := range plan.Batches {
		fmt.Fprintf(w, "  lockstep migrate rollback --rollout %s --batch %s --to %s --reason TEXT\n",
			shellWord(rolloutPath), shellWord(batch.ID), batch.Steps[0].From)
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
