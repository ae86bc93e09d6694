package migrate

import (
	"fmt"
	"io"
	"strings"

	"lockstep/schemas"
)

// impactText states what would be refused within each span.
func impactText(impacts []schemas.Impact) string {
	parts := make([]string, len(impacts))
	nothing := true
	for i, impact := range impacts {
		parts[i] = fmt.Sprintf("%s requests of %s clients within %s", amount(impact.Requests), amount(impact.Clients), impact.Within)
		nothing = nothing && impact.Requests == 0
	}
	if nothing {
		return "nobody is expected to be refused"
	}
	return strings.Join(parts, ", ")
}

// amount shows a number that is expected: two digits, or all before the point.
func amount(x float64) string {
	if x >= 10 {
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

// writeKeys tells who uses which of several keys.
func writeKeys(w io.Writer, keys []schemas.KeyUse) {
	if len(keys) == 0 {
		return
	}
	fmt.Fprintln(w, "\nwho uses which key:")
	table := newTable(w)
	for _, k := range keys {
		users := ""
		if k.Still > 0 {
			users = "\t" + some(printables(k.Users))
			if more := k.Still - len(k.Users); more > 0 {
				users += fmt.Sprintf(", and %d beyond those named in the plan", more)
			}
		}
		fmt.Fprintf(table, "  %s\tused by %d\tstill by %d\tlast %s%s\n", k.Subject, k.Used, k.Still, timeText(k.Last), users)
	}
	_ = table.Flush() // it writes to memory
}

// writeCommands says what to type next, batch by batch.
func writeCommands(w io.Writer, plan *schemas.Plan, planPath, rolloutPath string) {
	if len(plan.Batches) == 0 {
		fmt.Fprintln(w, "\nnothing is ready")
		return
	}
	target, place := "", ""
	if plan.Target != nil {
		target, place = " --target "+plan.Target.Name+" --policy POLICY", ", here and in Apollo"
	}
	fmt.Fprintln(w, "\nnext:")
	for i := range plan.Batches {
		writeBatch(w, &plan.Batches[i])
		fmt.Fprintf(w, "  lockstep migrate apply %s --rollout %s --batch %s%s\n",
			shellWord(planPath), shellWord(rolloutPath), shellWord(plan.Batches[i].ID), target)
	}
	if reason := plan.Window.Closed(plan.Created); reason != "" {
		fmt.Fprintf(w, "not now: %s; the next change can be made %s\n", reason, minute(plan.Window.Opens(plan.Created)))
	}
	fmt.Fprintln(w, "and back at once, if need be:")
	for _, batch := range plan.Batches {
		step := batch.Steps[0]
		if step.To.Weaker(step.From) {
			fmt.Fprintf(w, "  set %s to %s again by hand%s, which only lets more pass\n", step.Subject, schemas.ModeEnforce, place)
			continue
		}
		fmt.Fprintf(w, "  lockstep migrate rollback --rollout %s --batch %s --to %s --reason TEXT%s\n",
			shellWord(rolloutPath), shellWord(batch.ID), wayBackMode(step), target)
	}
}

// writeBatch says what a batch is expected to break, and what it waits for.
func writeBatch(w io.Writer, batch *schemas.Batch) {
	if batch.Harm > 0 && len(batch.Impact) > 1 { // of a day
		fmt.Fprintf(w, "  # %s: %s, expected harm %.2g of %g, %s\n",
			batch.ID, plural(len(batch.Steps), "step", "steps"), batch.Harm, batch.Budget, impactText(batch.Impact[1:2]))
	}
	if batch.After != "" {
		fmt.Fprintf(w, "  # %s later than %s\n", batch.Bake, printable(batch.After))
	}
}

// wayBackMode is the mode that undoes a step forward.
func wayBackMode(step schemas.Step) schemas.Mode {
	if step.From == step.To { // a share grew to all
		return schemas.ModeObserve
	}
	return step.From
}
