// Command reload edits the files of a running lockstep, and reloads nginx and
// HAProxy beside it, under clients that never retry. It counts the requests
// that fail and the connections that the server closes, and times how long an
// edit takes to show in an answer. Then it changes one of 1,000 listeners and
// weighs the process. It exits with status 1 if a figure misses its limit.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settle is how long lockstep waits after the last event of a save, so that a
// writer can finish.
const settle = 50 * time.Millisecond

func main() {
	var size size
	flag.IntVar(&size.reloads, "reloads", 1000, "reload lockstep `N` times")
	flag.IntVar(&size.peers, "peers", 50, "reload nginx and HAProxy `N` times each")
	flag.IntVar(&size.listeners, "listeners", 1000, "serve `N` listeners in the second part")
	flag.IntVar(&size.changes, "changes", 100, "change one of them `N` times")
	flag.BoolVar(&size.timed, "timed", true, "fail on limits in ms, too, which take a machine of its own")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, size); err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// size says how often everything is done.
type size struct {
	reloads, peers, listeners, changes int

	timed bool
}

func run(ctx context.Context, out io.Writer, size size) (err error) {
	if err := needPeers(ctx); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "lockstep-soak-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{dir: dir, lockstep: filepath.Join(dir, "lockstep"), figures: figures{out: out, timed: size.timed}, size: size}
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", "..", ".."),
		"-trimpath", "-ldflags=-s -w", "-o", b.lockstep, "./cmd/lockstep")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build lockstep: %w\n%s", err, text)
	}
	if b.a, err = startUpstream(ctx, "a"); err != nil {
		return err
	}
	defer b.a.stop()
	if b.b, err = startUpstream(ctx, "b"); err != nil {
		return err
	}
	defer b.b.stop()
	for _, part := range []func(context.Context) error{b.reloadPeers, b.reloadLockstep, b.changeOneOfMany} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return b.misses()
}

// A bench has what all parts share.
type bench struct {
	figures

	dir      string
	lockstep string    // its program
	a, b     *upstream // that edits switch between
	size     size
	nginx    []time.Duration // from the signal to the answer
}
