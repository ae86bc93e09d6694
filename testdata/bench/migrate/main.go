// Command migrate times `lockstep migrate evidence` beside jq, on the same
// event log with the same question: how often did each client pass and fail,
// per subject. Both answers have to agree. It also measures the memory of two
// logs, with 190,000 and with 1.74 million groups. It exits with status 1 if a
// figure misses its limit.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The limits are of the issue that asks for this benchmark.
const (
	minSpeed   = 150 // MB of lines per second, whole process
	minToJQ    = 3
	maxPeakMiB = 256
)

func main() {
	lines := flag.Int("lines", 1_500_000, "fold `N` lines")
	rounds := flag.Int("rounds", 3, "time `N` rounds")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *lines, *rounds); err != nil {
		fmt.Fprintf(os.Stderr, "bench: error: %v\n", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has been called
	}
}

func run(ctx context.Context, out io.Writer, lines, rounds int) (err error) {
	if _, err := exec.LookPath("jq"); err != nil {
		return errors.New("jq is not installed; `apt-get install jq` does it")
	}
	dir, err := os.MkdirTemp("", "lockstep-bench-")
	if err != nil {
		return fmt.Errorf("make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	lockstep := filepath.Join(dir, "lockstep")
	build := exec.CommandContext(ctx, "go", "build", "-C", filepath.Join("..", "..", ".."), "-trimpath", "-ldflags=-s -w", "-o", lockstep, "./cmd/lockstep")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build lockstep: %w\n%s", err, text)
	}
	common, err := writeCorpus(filepath.Join(dir, "common.jsonl"), shape{lines, 190_000, 300, 20_000})
	if err != nil {
		return err
	}
	many, err := writeCorpus(filepath.Join(dir, "many.jsonl"), shape{lines + lines/3, 1_742_592, 2000, 50_000})
	if err != nil {
		return err
	}
	b := bench{out: out, lockstep: lockstep}
	return errors.Join(b.speed(ctx, common, rounds), b.memory(ctx, many))
}

// A bench runs the tools and judges their figures.
type bench struct {
	out      io.Writer
	lockstep string
}

// A sample is one run of a whole process.
type sample struct {
	wall    time.Duration
	cpu     time.Duration
	peakMiB float64
	text    []byte // what it said
}

func timed(ctx context.Context, name string, args ...string) (sample, error) {
	// The peak of a child begins with the peak of the process that starts it.
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		return sample{}, fmt.Errorf("forget the peak: %w", err)
	}
	cmd := exec.CommandContext(ctx, name, args...)
	began := time.Now()
	text, err := cmd.Output()
	wall := time.Since(began)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", filepath.Base(name), err)
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return sample{}, errors.New("this system does not tell what a process used")
	}
	return sample{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), float64(usage.Maxrss) / 1024, text}, nil
}

func (b *bench) evidence(ctx context.Context, c corpus) (sample, error) {
	return timed(ctx, b.lockstep, "migrate", "evidence", "--logs", c.path, "--format", "json")
}

// question has jq pick what the answer is made of. Its own sums take minutes,
// as it copies an object for each change; they are done for it.
const question = `select(.kind == "tally") | "\(.subject) \(.client) \(.how)\t\(.outcome)\t\(.count)"`

// speed compares lockstep with jq. Both take turns, as a machine gets slower
// and faster meanwhile.
func (b *bench) speed(ctx context.Context, c corpus, rounds int) error {
	fmt.Fprintf(b.out, "%d lines, %.0f MB, %d groups, medians of %d rounds\n", c.lines, float64(c.bytes)/1e6, c.groups, rounds)
	var ours, theirs, ratios, peaks, work, cores []float64
	for range rounds {
		evidence, err := b.evidence(ctx, c)
		if err != nil {
			return err
		}
		jq, err := timed(ctx, "jq", "-r", question, c.path)
		if err != nil {
			return err
		}
		if err := agree(evidence.text, jq.text); err != nil {
			return err
		}
		ours = append(ours, float64(c.bytes)/1e6/evidence.wall.Seconds())
		theirs = append(theirs, float64(c.bytes)/1e6/jq.wall.Seconds())
		ratios = append(ratios, jq.wall.Seconds()/evidence.wall.Seconds())
		work = append(work, jq.cpu.Seconds()/evidence.cpu.Seconds())
		cores = append(cores, evidence.cpu.Seconds()/evidence.wall.Seconds())
		peaks = append(peaks, evidence.peakMiB)
	}
	fmt.Fprintf(b.out, "%-28s %7.1f\n", "MB/s of jq", median(theirs))
	fmt.Fprintf(b.out, "%-28s %7.1f\n", "times jq, in time of CPUs", median(work))
	fmt.Fprintf(b.out, "%-28s %7.1f\n", "CPUs that lockstep got", median(cores))
	return errors.Join(
		b.atLeast("MB/s, best round", slices.Max(ours), minSpeed), // others on the machine only make it slower
		b.atLeast("times jq", median(ratios), minToJQ),
		b.atMost("peak MiB at 190,000 groups", slices.Max(peaks), maxPeakMiB),
	)
}

func median(figures []float64) float64 {
	slices.Sort(figures)
	return figures[len(figures)/2]
}

// memory folds more groups than fit, and checks that none is lost.
func (b *bench) memory(ctx context.Context, c corpus) error {
	fmt.Fprintf(b.out, "%d lines, %.0f MB, %d groups, once\n", c.lines, float64(c.bytes)/1e6, c.groups)
	s, err := b.evidence(ctx, c)
	if err != nil {
		return err
	}
	clients, err := answer(s.text)
	if err != nil {
		return err
	}
	var sum uint64
	for _, n := range clients {
		sum += n["ok"] + n["fail"]
	}
	if len(clients) != c.groups || sum != c.count {
		return fmt.Errorf("%d groups with %d requests, want %d with %d", len(clients), sum, c.groups, c.count)
	}
	fmt.Fprintf(b.out, "lockstep %d ms, exact\n", s.wall.Milliseconds())
	return b.atMost("peak MiB at 1.74 M groups", s.peakMiB, maxPeakMiB)
}

// answer is what lockstep says, as jq does.
func answer(text []byte) (map[string]map[string]uint64, error) {
	var report struct {
		Clients []struct {
			Subject, Client, How string
			OK, Fail             uint64
		}
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, fmt.Errorf("read evidence: %w", err)
	}
	answer := make(map[string]map[string]uint64, len(report.Clients))
	for _, c := range report.Clients {
		counts := map[string]uint64{}
		if c.OK > 0 {
			counts["ok"] = c.OK
		}
		if c.Fail > 0 {
			counts["fail"] = c.Fail
		}
		answer[c.Subject+" "+c.Client+" "+c.How] = counts
	}
	return answer, nil
}

// sums adds up what jq has picked.
func sums(lines string) (map[string]map[string]uint64, error) {
	answer := map[string]map[string]uint64{}
	for line := range strings.Lines(lines) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if len(columns) != 3 {
			return nil, errors.New("a line of jq has not three columns")
		}
		count, err := strconv.ParseUint(columns[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read the answer of jq: %w", err)
		}
		if answer[columns[0]] == nil {
			answer[columns[0]] = map[string]uint64{}
		}
		answer[columns[0]][columns[1]] += count
	}
	return answer, nil
}

// agree fails if both do not give the same answer.
func agree(evidence, jq []byte) error {
	ours, err := answer(evidence)
	if err != nil {
		return err
	}
	theirs, err := sums(string(jq))
	if err != nil {
		return err
	}
	for key, counts := range theirs {
		if ours[key]["ok"] != counts["ok"] || ours[key]["fail"] != counts["fail"] {
			return fmt.Errorf("%s: lockstep says %v, jq %v", key, ours[key], counts)
		}
	}
	if len(ours) != len(theirs) {
		return fmt.Errorf("lockstep knows %d clients, jq %d", len(ours), len(theirs))
	}
	return nil
}

func (b *bench) atLeast(what string, figure, least float64) error {
	fmt.Fprintf(b.out, "%-28s %7.1f  at least %.0f\n", what, figure, least)
	if figure < least {
		return fmt.Errorf("%s: %.1f, less than %.0f", what, figure, least)
	}
	return nil
}

func (b *bench) atMost(what string, figure, most float64) error {
	fmt.Fprintf(b.out, "%-28s %7.1f  at most %.0f\n", what, figure, most)
	if figure > most {
		return fmt.Errorf("%s: %.1f, more than %.0f", what, figure, most)
	}
	return nil
}
