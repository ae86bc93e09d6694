// Command run measures what the proxy of `lockstep run` costs, beside nginx
// and Caddy: CPU time per request of the whole proxy process, which has one
// core, while load generator and upstream have the other. It also times the
// check of a signature, and weighs a process with 1,000 listeners. It exits
// with status 1 if a figure is over its limit.
//
// It needs Linux with two cores, nginx and wrk. Caddy is a requirement of this
// module and of no other.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// A plan says what to measure, and how long.
type plan struct {
	rounds int
	each   time.Duration // of load on one proxy in one round
	only   *regexp.Regexp
	short  bool // without Caddy, which takes minutes to build where it is not cached
}

func main() {
	short := flag.Bool("short", os.Getenv("BENCH") == "short", "take less than a minute: fewer rounds, and no Caddy; the limits are the same")
	rounds := flag.Int("rounds", 15, "take medians of `N` rounds")
	each := flag.Duration("each", time.Second, "load each proxy for `TIME` in a round")
	only := flag.String("only", "", "load only the proxies whose names match `REGEXP`, and judge nothing")
	flag.Parse()
	p := plan{rounds: *rounds, each: *each}
	if *short {
		p.rounds, p.short = 7, true
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *only != "" {
		p.only, err = regexp.Compile(*only)
	}
	if err == nil {
		err = run(ctx, os.Stdout, p)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, out io.Writer, p plan) (err error) {
	s, err := newStand(ctx, p.short)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	cases, err := s.cases(ctx)
	if err != nil {
		return err
	}
	costs, err := s.measure(ctx, cases, p)
	if err != nil {
		return err
	}
	if err := circumstances(ctx, out); err != nil {
		return err
	}
	costs.print(out)
	if p.only != nil {
		return nil
	}
	check, err := s.timeVerify(ctx)
	if err != nil {
		return err
	}
	weight, err := s.weigh(ctx)
	if err != nil {
		return err
	}
	return judge(out, costs, check, weight)
}

// circumstances tells what was measured, and whether others used the machine:
// the ratios hold then too, but everything costs more.
func circumstances(ctx context.Context, out io.Writer) error {
	commit, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return fmt.Errorf("git describe: %w", err)
	}
	busy, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return fmt.Errorf("load of the machine: %w", err)
	}
	load, _, _ := strings.Cut(string(busy), " ")
	fmt.Fprintf(out, "lockstep %s, %s, load average %s where this alone makes 2\n", bytes.TrimSpace(commit), runtime.Version(), load)
	return nil
}
