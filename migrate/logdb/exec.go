package logdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"lockstep/schemas"
)

// Exec is a [Runner] of programs that are found as a shell would find them.
func Exec(ctx context.Context, argv []string, text string, read func(io.Reader) error) error {
	command := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // the program is ours to name, and no shell reads the rest
	command.WaitDelay = time.Second
	command.Stdin = strings.NewReader(text)
	var said bytes.Buffer
	command.Stderr = &limited{&said}
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return notStarted(argv[0], err)
	}
	readErr := read(out)
	if readErr != nil {
		_ = command.Process.Kill() // nobody reads on
	}
	err = command.Wait()
	if err != nil && (readErr == nil || command.ProcessState.ExitCode() >= 0) { // it was not we who ended it
		return exited(argv[0], err, said.String())
	}
	return readErr
}

func notStarted(program string, err error) error {
	if errors.Is(err, exec.ErrNotFound) {
		return schemas.Hint(problem(OfDatabase, "there is no %s on this machine", program), "install it, and have it in PATH")
	}
	return problem(OfDatabase, "%s cannot be started: %s", program, err)
}

// exited words how a program ended. What it said is not quoted but to tell
// what its user can mend, as it may quote a log.
func exited(program string, err error, said string) error {
	first, _, _ := strings.Cut(strings.TrimSpace(said), "\n")
	switch {
	case strings.Contains(said, "Out of Memory"):
		return problem(OfSize, "%s ran out of memory", program)
	case strings.HasPrefix(first, "Catalog Error"), strings.HasPrefix(first, "Binder Error"), strings.HasPrefix(first, "Parser Error"), strings.HasPrefix(first, "IO Error"):
		return problem(OfDatabase, "%s: %s", program, firstWords(first))
	}
	return problem(OfWindow, "%s failed: %s", program, fmt.Sprint(err))
}

// limited keeps the beginning of what is written.
type limited struct{ to *bytes.Buffer }

// Write implements [io.Writer].
func (l *limited) Write(text []byte) (int, error) {
	const most = 4096
	l.to.Write(text[:min(len(text), max(most-l.to.Len(), 0))])
	return len(text), nil
}
