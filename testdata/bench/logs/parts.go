package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A part is a question of its own, with its limits. Those are of the issue
// that asks for this benchmark.
type part struct {
	name           string
	corpus, suffix string
	view           string // how DuckDB reads it
	least          float64 // how many times as fast as the peer
	measure        func(b *bench, ctx context.Context, p part) error
}

// beyondBudget is what a process may take besides --memory.
const beyondBudget = 64 << 20

func parts() []part {
	return []part{
		{"json", "auth.jsonl", "", "json", 2.5, (*bench).speed},
		{"zstd", "auth.jsonl", ".zst", "json", 2, (*bench).speed},
		{"gzip", "auth.jsonl", ".gz", "json", 1.5, (*bench).speed},
		{"apollo", "apollo.log", "", "apollo", 5, (*bench).speed},
		{"newlines", "auth.jsonl", "", "json", 0.22, (*bench).bareSearch},
		{"memory", "many.jsonl", "", "json", 0, (*bench).budgets},
		{"threads", "many.jsonl", "", "json", 1, (*bench).scale},
	}
}

func partNames() []string {
	var names []string
	for _, p := range parts() {
		names = append(names, p.name)
	}
	return names
}

// speed compares lockstep with DuckDB.
func (b *bench) speed(ctx context.Context, p part) error {
	log, size, err := b.begin(p)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the benchmark: %w", err)
	}
	theirs := filepath.Join(b.dir, "theirs.csv")
	runs, err := b.alternate(ctx, []command{b.evidence(p, log, 0, threads), {[]string{self, "duckdb", p.view, log, theirs}, "", threads}})
	if err != nil {
		return err
	}
	b.row("lockstep", size, runs[0])
	b.row("DuckDB", size, runs[1])
	return errors.Join(b.compare(theirs), b.atLeast("times DuckDB", ratio(runs[1], runs[0]), p.least))
}

// bareSearch compares lockstep with the bare search for newlines, in what is
// read by blocks and in what is mapped.
func (b *bench) bareSearch(ctx context.Context, p part) error {
	log, size, err := b.begin(p)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the benchmark: %w", err)
	}
	runs, err := b.alternate(ctx, []command{
		b.evidence(p, log, 0, threads), {[]string{self, "newlines", log}, "", threads}, {[]string{self, "mapped", log}, "", threads},
	})
	if err != nil {
		return err
	}
	for i, name := range []string{"lockstep", "newlines", "mapped"} {
		b.row(name, size, runs[i])
	}
	return b.atLeast("of the search for newlines", ratio(runs[1], runs[0]), p.least)
}

// begin has the log of a part ready and in the page cache. The size is that of its lines.
func (b *bench) begin(p part) (log string, size int64, err error) {
	log, err = b.log(p)
	if err != nil {
		return "", 0, err
	}
	info, err := os.Stat(strings.TrimSuffix(log, p.suffix))
	if err != nil {
		return "", 0, fmt.Errorf("look at the log: %w", err)
	}
	_, err = countNewlines(threads, log)
	fmt.Fprintf(b.out, "\n%s: %d lines, %.2f GB, medians of %d rounds\n", p.name, b.lines, float64(info.Size())/1e9, b.rounds)
	fmt.Fprintf(b.out, "  %-10s %9s %9s %9s %9s\n", "", "wall ms", "cpu ms", "MB/s", "peak MiB")
	return log, info.Size(), err
}

// alternate has commands take turns, as a machine gets slower and faster
// meanwhile. The first round does not count.
func (b *bench) alternate(ctx context.Context, commands []command) ([][]sample, error) {
	runs := make([][]sample, len(commands))
	for round := range b.rounds + 1 {
		for i, c := range commands {
			s, err := b.run(ctx, c)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				runs[i] = append(runs[i], s)
			}
		}
	}
	return runs, nil
}

func (b *bench) row(name string, size int64, runs []sample) {
	wall := median(runs, func(s sample) time.Duration { return s.wall })
	cpu := median(runs, func(s sample) time.Duration { return s.cpu })
	fmt.Fprintf(b.out, "  %-10s %9d %9d %9.0f %9.1f\n", name, wall.Milliseconds(), cpu.Milliseconds(),
		float64(size)/1e6/wall.Seconds(), float64(peak(runs))/(1<<20))
}

func median[T cmp.Ordered](runs []sample, figure func(sample) T) T {
	values := make([]T, len(runs))
	for i, s := range runs {
		values[i] = figure(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func peak(runs []sample) int64 {
	var most int64
	for _, s := range runs {
		most = max(most, s.peak)
	}
	return most
}

// ratio is how much longer a takes than b, by their medians.
func ratio(a, b []sample) float64 {
	wall := func(s sample) time.Duration { return s.wall }
	return float64(median(a, wall)) / float64(median(b, wall))
}

// compare compares the last answers.
func (b *bench) compare(theirs string) error {
	ours, err := readEvidence(filepath.Join(b.dir, "ours.json"))
	if err != nil {
		return err
	}
	other, err := readCSV(theirs)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "  %d rows\n", ours.rows)
	return agree(ours, other)
}

// budgets holds several budgets with more groups than fit; all answers have to
// be the same.
func (b *bench) budgets(ctx context.Context, p part) error {
	log, size, err := b.begin(p)
	if err != nil {
		return err
	}
	var errs []error
	var first answer
	for text := range strings.SplitSeq(b.memory, ",") {
		memory, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("memory: %w", err)
		}
		s, err := b.run(ctx, b.evidence(p, log, memory, threads))
		if err != nil {
			return err
		}
		b.row(text+" MiB", size, []sample{s})
		got, err := readEvidence(filepath.Join(b.dir, "ours.json"))
		if first.rows == 0 {
			first = got
		}
		if got != first {
			err = errors.Join(err, fmt.Errorf("with %d MiB the answer is another", memory))
		}
		errs = append(errs, err, b.atMost("peak MiB", float64(s.peak)/(1<<20), float64(int64(memory)<<20+beyondBudget)/(1<<20)))
	}
	return errors.Join(errs...)
}

// scale compares two threads with one where there are many groups, with a
// budget that they fit into and with the usual one.
func (b *bench) scale(ctx context.Context, p part) error {
	log, size, err := b.begin(p)
	if err != nil {
		return err
	}
	var errs []error
	for _, memory := range []int{64, 2048} {
		runs, err := b.alternate(ctx, []command{b.evidence(p, log, memory, 1), b.evidence(p, log, memory, threads)})
		if err != nil {
			return err
		}
		b.row("1 thread", size, runs[0])
		b.row("2 threads", size, runs[1])
		errs = append(errs, b.atLeast(fmt.Sprintf("times one thread, --memory %d", memory), ratio(runs[0], runs[1]), p.least))
	}
	return errors.Join(errs...)
}

func (b *bench) atLeast(what string, figure, least float64) error {
	least *= b.gate
	fmt.Fprintf(b.out, "  %-34s %8.2f  at least %.2f\n", what, figure, least)
	if figure < least {
		return fmt.Errorf("%s: %.2f, less than %.2f", what, figure, least)
	}
	return nil
}

func (b *bench) atMost(what string, figure, most float64) error {
	fmt.Fprintf(b.out, "  %-34s %8.1f  at most %.0f\n", what, figure, most)
	if figure > most {
		return fmt.Errorf("%s: %.1f, more than %.0f", what, figure, most)
	}
	return nil
}
