// Command lint times `lockstep lint` beside kubeconform and actionlint, each on
// 5,000 files of its own kind of about 1 KB, all valid, in one run: whole
// processes, taking turns, the median of several rounds. It exits with status
// 1 if a figure is over its limit.
//
// The peers are requirements of this module and of no other.
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
	"syscall"
	"time"
)

// The limits are of the issue that asks for this benchmark.
const (
	maxToKubeconform = 0.77
	maxToActionlint  = 1.00
	maxCached        = 0.15 // of kubeconform's wall, where no file has changed
	maxPeakMiB       = 40
)

func main() {
	files := flag.Int("files", 5000, "lint `N` files")
	rounds := flag.Int("rounds", 7, "time `N` rounds after one to warm up")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *files, *rounds); err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, out io.Writer, files, rounds int) (err error) {
	dir, err := os.MkdirTemp("", "lockstep-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	runners, err := prepare(ctx, dir, files)
	if err != nil {
		return err
	}
	for round := range rounds + 1 {
		for _, r := range runners {
			if err := r.time(ctx, round > 0); err != nil {
				return err
			}
		}
	}
	return report(out, runners, files)
}

// A runner is one tool with its files, and what its runs took.
type runner struct {
	name string
	argv []string
	runs []sample
}

// A sample is one run of a whole process.
type sample struct {
	wall, cpu time.Duration
	peakKiB   int64
}

// time runs the tool once; all its files are valid, so it has to say so.
func (r *runner) time(ctx context.Context, counts bool) error {
	cmd := exec.CommandContext(ctx, r.argv[0], r.argv[1:]...)
	began := time.Now()
	text, err := cmd.CombinedOutput()
	wall := time.Since(began)
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", r.name, err, text[:min(len(text), 2000)])
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return errors.New("this system does not tell what a process used")
	}
	if counts {
		r.runs = append(r.runs, sample{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), int64(usage.Maxrss)})
	}
	return nil
}

// median of one figure of all runs.
func median[T int64 | time.Duration](runs []sample, figure func(sample) T) T {
	values := make([]T, len(runs))
	for i, s := range runs {
		values[i] = figure(s)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func wallOf(s sample) time.Duration { return s.wall }

// report prints the figures and returns an error for each that is over its limit.
func report(out io.Writer, runners []*runner, files int) error {
	fmt.Fprintf(out, "%d files, medians of %d rounds\n%-14s %9s %9s %9s\n", files, len(runners[0].runs), "tool", "wall ms", "cpu ms", "peak MiB")
	for _, r := range runners {
		fmt.Fprintf(out, "%-14s %9d %9d %9.1f\n", r.name, median(r.runs, wallOf).Milliseconds(),
			median(r.runs, func(s sample) time.Duration { return s.cpu }).Milliseconds(), peakMiB(r))
	}
	ours, cached := runners[0], runners[3]
	return errors.Join(
		limit(out, "wall to kubeconform", pairwise(ours, runners[1]), maxToKubeconform),
		limit(out, "wall to actionlint", pairwise(ours, runners[2]), maxToActionlint),
		limit(out, "cached to kubeconform", pairwise(cached, runners[1]), maxCached),
		limit(out, "peak MiB", max(peakMiB(ours), peakMiB(cached)), maxPeakMiB),
	)
}

func peakMiB(r *runner) float64 {
	return float64(median(r.runs, func(s sample) int64 { return s.peakKiB })) / 1024
}

// pairwise is the median of the ratios round by round, which holds when the
// machine gets slower or faster meanwhile.
func pairwise(a, b *runner) float64 {
	ratios := make([]float64, len(a.runs))
	for i := range a.runs {
		ratios[i] = float64(a.runs[i].wall) / float64(b.runs[i].wall)
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

func limit(out io.Writer, what string, figure, most float64) error {
	fmt.Fprintf(out, "%-22s %6.2f  limit %.2f\n", what, figure, most)
	if figure > most {
		return fmt.Errorf("%s is %.2f, over its limit of %.2f", what, figure, most)
	}
	return nil
}

// prepare builds the tools and writes their files.
func prepare(ctx context.Context, dir string, files int) ([]*runner, error) {
	for name, build := range map[string][]string{
		"lockstep":    {"-C", filepath.Join("..", "..", ".."), "./cmd/lockstep"},
		"kubeconform": {"github.com/yannh/kubeconform/cmd/kubeconform"},
		"actionlint":  {"github.com/rhysd/actionlint/cmd/actionlint"},
	} {
		args := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, name)}
		if build[0] == "-C" {
			args = slices.Concat([]string{"build", "-C", build[1]}, args[1:])
			build = build[2:]
		}
		cmd := exec.CommandContext(ctx, "go", append(args, build...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("build %s: %w\n%s", name, err, text)
		}
	}
	corpus, err := writeCorpus(ctx, dir, files)
	if err != nil {
		return nil, err
	}
	tool := func(name string, args ...string) *runner {
		return &runner{name: name, argv: slices.Concat([]string{filepath.Join(dir, name)}, args)}
	}
	return []*runner{
		tool("lockstep", append([]string{"lint", "--tier", "production"}, corpus.agents...)...),
		tool("kubeconform", append([]string{"-schema-location", corpus.schema}, corpus.manifests...)...),
		tool("actionlint", append([]string{"-shellcheck=", "-pyflakes="}, corpus.workflows...)...),
		// Its first round is the one to warm up, and fills the cache.
		{name: "cached", argv: slices.Concat([]string{filepath.Join(dir, "lockstep"), "lint", "--tier", "production", "--cache", filepath.Join(dir, "cache")}, corpus.agents)},
	}, nil
}
