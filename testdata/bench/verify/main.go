// Command verify times what `lockstep migrate verify-log` does to a line
// beside a bare HMAC of the same line: from its text to its tally, and the
// worst diagnosis. It exits with status 1 if a figure misses its limit.
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
	"regexp"
	"slices"
	"strconv"
)

// A comparison is of two benchmarks of a package, in times of an HMAC.
type comparison struct {
	what, pkg   string
	bench, bare string
	most        float64
}

// comparisons have the limits of the issue that asks for them.
func comparisons() []comparison {
	return []comparison{
		{"a line, from text to tally", "./migrate", "VerifyLine/line", "VerifyLine/bare", 3},
		{"the worst diagnosis", "./internal/accesskey", "Diagnose/worst", "Diagnose/bare", 2000},
	}
}

func main() {
	rounds := flag.Int("rounds", 7, "time `N` rounds")
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
		bench, err := nanoseconds(ctx, program, c.bench)
		if err != nil {
			return 0, err
		}
		bare, err := nanoseconds(ctx, program, c.bare)
		if err != nil {
			return 0, err
		}
		ratios[i] = bench / bare
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2], nil
}

var perOp = regexp.MustCompile(`(?m)\s([0-9.]+) ns/op`)

func nanoseconds(ctx context.Context, program, name string) (float64, error) {
	cmd := exec.CommandContext(ctx, program, "-test.run", "^$", "-test.bench", "^Benchmark"+name+"$", "-test.benchtime", "200ms")
	text, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("benchmark %s: %w\n%s", name, err, text)
	}
	found := perOp.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("there is no benchmark %s:\n%s", name, text)
	}
	figure, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		return 0, fmt.Errorf("benchmark %s: %w", name, err)
	}
	return figure, nil
}
