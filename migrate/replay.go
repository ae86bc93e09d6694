package migrate

import (
	"bytes"
	"fmt"
	"slices"

	"lockstep/schemas"
)

// Replay makes a plan again, from its inputs and at its own time, and says how
// the bytes of its file differ from what that gives: which inputs are not
// those of then, and the first line that is another. There is nothing to say
// if they are equal. Now, Retire and Target of the input do not count.
func Replay(plan *schemas.Plan, file []byte, in Input) (differences []string, err error) {
	in.Now, in.Retire, in.Target = plan.Created, plan.Inputs.Retire, plan.Target
	again, err := NewPlan(in)
	if err != nil {
		return nil, err
	}
	again.Signature = plan.Signature // it is none of what is planned
	text, err := again.Encode()
	if err != nil || bytes.Equal(text, file) {
		return nil, err //nolint:wrapcheck // it says what could not be encoded
	}
	differences = inputDifferences(plan.Inputs, again.Inputs)
	if len(differences) == 0 {
		differences = []string{"the inputs are the same; another version of lockstep made the plan, or somebody wrote the file anew"}
	}
	return append(differences, firstDifference(file, text)), nil
}

// inputDifferences names the inputs that differ.
func inputDifferences(then, now schemas.PlanInputs) []string {
	var all []string
	for _, input := range []struct{ name, then, now string }{
		{"rollout", then.Rollout, now.Rollout},
		{"policy", then.Policy, now.Policy},
		{"inventory", then.Inventory, now.Inventory},
		{"evidence", then.Evidence, now.Evidence},
		{"secrets", then.Secrets, now.Secrets},
	} {
		if input.then != input.now {
			all = append(all, fmt.Sprintf("input %s differs: %s in the plan, %s now", input.name, known(input.then), known(input.now)))
		}
	}
	if !slices.Equal(then.After, now.After) {
		all = append(all, "input after differs: other rollouts have to be ahead")
	}
	return all
}

func known(digest string) string {
	if digest == "" {
		return "none"
	}
	return digest
}

// firstDifference shows the first line in which two texts differ.
func firstDifference(then, now []byte) string {
	a, b := bytes.Split(then, []byte("\n")), bytes.Split(now, []byte("\n"))
	n := 0
	for n < len(a) && n < len(b) && (bytes.Equal(a[n], b[n]) || bytes.HasPrefix(a[n], []byte("id: "))) {
		n++
	}
	line := func(lines [][]byte) string {
		if n >= len(lines) {
			return "nothing"
		}
		return printable(string(bytes.TrimSpace(lines[n])))
	}
	return fmt.Sprintf("line %d: %s in the plan, %s now", n+1, line(a), line(b))
}
