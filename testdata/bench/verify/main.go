// Command verify times what `lockstep migrate verify-log` does to a line
// beside a bare HMAC of the same line: from its text to its tally, and the
// worst diagnosis. It exits with status 1 if a figure misses its limit.
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
	"path/filepath"
	"slices"
)

// A comparison is of two benchmarks of a package, in times of an HMAC.
type comparison struct {
	what, pkg   string
	bench, bare string
	times       int // that bench is run, and bare bareTimes
	most        float64
}

const bareTimes = 400_000

// comparisons have the limits of the issue that asks for them.
func comparisons() []comparison {
	return []comparison{
		{"a line, from text to tally", "./migrate", "VerifyLine/line", "VerifyLine/bare", 300_000, 3},
		{"the worst diagnosis", "./internal/accesskey", "Diagnose/worst", "Diagnose/bare", 1000, 2000},
	}
}

func main() {
	rounds := flag.Int("rounds", 3, "time `N` rounds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *rounds); err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, out io.Writer, rounds int) (err error) {
	dir, err := os.MkdirTemp("", "lockstep-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	var missed []error
	for _, c := range comparisons() {
		ratio, err := c.measure(ctx, dir, rounds)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%-28s %7.1f  at most %.0f\n", c.what, ratio, c.most)
		if ratio > c.most {
			missed = append(missed, fmt.Errorf("%s: %.1f times an HMAC, more than %.0f", c.what, ratio, c.most))
		}
	}
	return errors.Join(missed...)
}

// measure is the median of the ratios of all rounds. Both benchmarks take
// turns, as a machine gets slower and faster meanwhile.
func (c comparison) measure(ctx context.Context, dir string, rounds int) (float64, error) {
	program := filepath.Join(dir, filepath.Base(c.pkg)+".test")
	build := exec.CommandContext(ctx, "go", "test", "-C", filepath.Join("..", "..", ".."), "-c", "-o", program, c.pkg)
	if text, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build %s: %w\n%s", c.pkg, err, text)
	}
	ratios := make([]float64, rounds)
	for i := range ratios {
		bench, err := timed(ctx, program, c.bench, c.times)
		if err != nil {
			return 0, err
		}
		bare, err := timed(ctx, program, c.bare, bareTimes)
		if err != nil {
			return 0, err
		}
		ratios[i] = bench / bare
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2], nil
}

// timed is the CPU time of one run of a benchmark, in seconds. The clock on the
// wall, which benchmarks go by, says little where others use the machine too.
func timed(ctx context.Context, program, name string, times int) (float64, error) {
	cmd := exec.CommandContext(ctx, program, "-test.run", "^$", "-test.bench", "^Benchmark"+name+"$", "-test.benchtime", fmt.Sprintf("%dx", times))
	text, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		return 0, fmt.Errorf("benchmark %s: %w\n%s", name, err, text)
	case !bytes.Contains(text, []byte("ns/op")):
		return 0, fmt.Errorf("there is no benchmark %s:\n%s", name, text)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds() / float64(times), nil
}
