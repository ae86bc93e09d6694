// Command demo goes through the whole loop of lockstep for real, on loopback
// and in a directory of its own: lint, run, observe, plan, apply, roll back.
// It exits with a status other than 0 if any step is not as it says.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// limit bounds the demo after the build, which takes as long as it takes.
const limit = time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := demo(ctx, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "demo: error: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// An act is one step of the demo, which fails if anything is not as it says.
type act struct {
	name string
	play func(context.Context, *stage) error
}

func acts() []act {
	return []act{
		{"lint", lintAct},
		{"run", runAct},
		{"observe", observeAct},
		{"plan", blockedAct},
		{"repair", repairAct},
		{"apply", applyAct},
		{"roll back", rollbackAct},
		{"journal", journalAct},
		{"stop", stopAct},
	}
}

// demo plays all acts in a directory that it removes.
func demo(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "lockstep-demo-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := newStage(ctx, dir, out)
	if err != nil {
		return fmt.Errorf("set the stage: %w", err)
	}
	return s.play(ctx, acts())
}

// play goes through the acts, and clears the stage whatever happens.
func (s *stage) play(ctx context.Context, acts []act) (err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() { err = errors.Join(err, s.close()) }()
	for _, a := range acts {
		if err := a.play(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	return nil
}
