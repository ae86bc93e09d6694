// Command logs times `lockstep migrate evidence` beside DuckDB, on the same
// logs with the same question, and beside a program that does nothing but find
// the ends of lines: whole processes on two threads, taking turns. Both answers
// have to agree. It also measures memory, and what a second thread gains with
// 1.7 million groups. It exits with status 1 if a figure misses its limit.
//
// DuckDB is a requirement of this module and of no other.
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
	"slices"
	"strconv"
	"strings"
)

// threads is how many both tools have.
const threads = 2

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

// run is the benchmark, or one of the peers that it starts.
func run(ctx context.Context, out io.Writer, args []string) error {
	switch {
	case len(args) == 4 && args[0] == "duckdb":
		return askDuckDB(ctx, threads, args[1], args[2], args[3])
	case len(args) == 2 && args[0] == "newlines":
		count, err := countNewlines(threads, args[1])
		fmt.Fprintln(out, count)
		return err
	case len(args) == 2 && args[0] == "mapped":
		count, err := countMapped(threads, args[1])
		fmt.Fprintln(out, count)
		return err
	}
	b := bench{meter: meter{out: out}, gate: 1}
	lines, rounds := fullLines, 5
	if os.Getenv("BENCH") == "short" {
		lines, rounds, b.gate = 1_000_000, 3, 0.8
	}
	flags := flag.NewFlagSet("logs", flag.ContinueOnError)
	flags.IntVar(&b.lines, "lines", lines, "read logs of `N` lines, of some 210 bytes")
	flags.IntVar(&b.rounds, "rounds", rounds, "time `N` rounds after one to warm up")
	flags.StringVar(&b.data, "data", "", "keep the logs in `DIR` and use what is there; a directory that is removed, if empty")
	flags.StringVar(&b.lockstep, "lockstep", "", "measure the program `FILE` instead of one that is built")
	flags.StringVar(&b.memory, "memory", "16,64,256", "hold these budgets, in `MIB`")
	flags.Float64Var(&b.foreign, "foreign", 0.1, "repeat a run while others take more than this `SHARE` of the processors")
	flags.IntVar(&b.tries, "tries", 5, "repeat a run `N` times at most")
	names := flags.String("parts", strings.Join(partNames(), ","), "measure these `PARTS`; none writes the logs and ends")
	if err := flags.Parse(args); err != nil {
		return err //nolint:wrapcheck // it says what is wrong with which flag
	}
	return b.prepare(ctx, strings.Split(*names, ","))
}

// A bench runs the tools and judges their figures.
type bench struct {
	meter

	lines, rounds  int
	data, lockstep string
	memory         string  // budgets
	gate           float64 // the share of a limit that is enough
	dir            string  // for what is only needed now
}

// prepare makes what the parts need, and measures them.
func (b *bench) prepare(ctx context.Context, names []string) (err error) {
	if b.dir, err = os.MkdirTemp("", "lockstep-bench-"); err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.data == "" {
		b.data = b.dir
	}
	if err := errors.Join(os.MkdirAll(b.data, 0o755), os.WriteFile(b.policy(), []byte(policy), 0o600)); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if slices.Equal(names, []string{"none"}) {
		return b.each(partNames(), func(p part) error {
			_, err := b.log(p)
			return err
		})
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	return b.each(names, func(p part) error { return p.measure(b, ctx, p) })
}

// each goes on after a part that fails.
func (b *bench) each(names []string, do func(part) error) error {
	var errs []error
	for _, p := range parts() {
		if !slices.Contains(names, p.name) {
			continue
		}
		if err := do(p); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(errs...)
}

// build builds lockstep as it is released.
func (b *bench) build(ctx context.Context) error {
	if b.lockstep != "" {
		return nil
	}
	b.lockstep = filepath.Join(b.dir, "lockstep")
	cmd := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", "..", ".."), "-trimpath", "-ldflags=-s -w", "-o", b.lockstep, "./cmd/lockstep")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build lockstep: %w\n%s", err, text)
	}
	return nil
}

// log is the path of the log of a part, which is written if it is not there.
func (b *bench) log(p part) (string, error) {
	path, err := corpora(b.lines)[p.corpus].path(b.data)
	if err != nil || p.suffix == "" {
		return path, err
	}
	return packed(path, p.suffix)
}

func (b *bench) policy() string { return filepath.Join(b.dir, "lockstep.yaml") }

// policy says how the lines of [authLine] are read.
const policy = `version: 1
mappings:
  gateway:
    environment: pro
    format: json
    time: time
    app: app
    key: key
    client: [{from: client, how: verified}]
    ok: outcome == "pass"
    fail: outcome == "fail"
    reasons:
      missing: reason == "missing_header"
      skew: reason == "expired_timestamp"
      unknown_key: reason == "unknown_key"
`

// evidence is the command that is measured.
func (b *bench) evidence(p part, log string, memory, procs int) command {
	argv := []string{b.lockstep, "migrate", "evidence", "--logs", log, "--format", "json", "--environment", "pro"}
	if p.view == "apollo" {
		argv = append(argv, "--dialect", "apollo", "--timezone", "Asia/Shanghai")
	} else {
		argv = append(argv, "--dialect", "gateway", "--policy", b.policy())
	}
	if memory > 0 {
		argv = append(argv, "--memory", strconv.Itoa(memory))
	}
	return command{argv, filepath.Join(b.dir, "ours.json"), procs}
}
