package main

import (
	"errors"
	"fmt"
	"io"

	"lockstep/runtime"
	"lockstep/schemas"
)

// checkRun says what a start with the same flags would serve. What is wrong
// with a listener is a finding; what is wrong with a document is an error.
func (p *process) checkRun(opts runtime.Options) error {
	status, err := runtime.Check(opts)
	switch {
	case errors.Is(err, runtime.ErrUnreadable):
		return withStatus(statusIncomplete, err)
	case err != nil:
		return usage(err)
	}
	held := false
	for _, l := range status.Listeners {
		printListener(p.stdout, l)
		held = held || l.Err != nil
	}
	for _, name := range status.Idle {
		fmt.Fprintf(p.stdout, "%s: not served: it has no address\n", name)
	}
	for _, text := range status.Alarms {
		fmt.Fprintf(p.stdout, "alarm: %s\n", text)
	}
	if held {
		return silent(statusFindings)
	}
	return nil
}

func printListener(w io.Writer, l runtime.ListenerStatus) {
	if l.Err == nil {
		fmt.Fprintf(w, "%s: ok\n", l.Name)
		return
	}
	for _, cause := range causes(l.Err) {
		fmt.Fprintf(w, "%s: held: %s\n", l.Name, cause)
		for _, hint := range schemas.Hints(cause) {
			fmt.Fprintf(w, "  hint: %s\n", hint)
		}
	}
}
