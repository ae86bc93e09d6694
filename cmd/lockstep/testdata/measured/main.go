// Command measured runs its second argument with the others, and writes to
// the file that the first one names what that took. Linux counts to a process
// what its parent held when it was started, so it is to be started by a small one.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "measured:", err)
		os.Exit(1)
	}
}

func run(report, program string, args []string) error {
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // the test kills the group of processes
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); cmd.ProcessState == nil {
		return err
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not say how much memory a process took")
	}
	text, err := json.Marshal(map[string]any{
		"Status": cmd.ProcessState.ExitCode(),
		"Memory": usage.Maxrss << 10, // bytes, the most at once
		"Time":   cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(report, text, 0o600)
}
