package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// A verifying is what checking a signature costs.
type verifying struct {
	toNaive     float64 // with one key, to a new HMAC for each request
	allocations float64 // of a check
}

// timeVerify runs the benchmarks of the package that checks signatures.
func timeVerify(ctx context.Context) (verifying, error) {
	cmd := exec.CommandContext(ctx, "taskset", "-c", proxyCore, "go", "test", "-C", filepath.Join("..", "..", ".."),
		"-run", "^$", "-bench", "^Benchmark(Verify|Naive)$", "-benchmem", "-benchtime", "200ms", "-count", "5", "./internal/accesskey")
	text, err := cmd.CombinedOutput()
	if err != nil {
		return verifying{}, fmt.Errorf("go test: %w\n%s", err, text)
	}
	check, allocations, err1 := results(text, "Verify/keys=1")
	naive, _, err2 := results(text, "Naive")
	if err := errors.Join(err1, err2); err != nil {
		return verifying{}, err
	}
	return verifying{check / naive, allocations}, nil
}

// results are the medians of all runs of a benchmark.
func results(text []byte, name string) (ns, allocations float64, err error) {
	line := regexp.MustCompile(`(?m)^Benchmark` + name + `\S*\s+\d+\s+(\S+) ns/op\s+\d+ B/op\s+(\d+) allocs/op$`)
	var times, counts []float64
	for _, m := range line.FindAllSubmatch(text, -1) {
		t, err1 := strconv.ParseFloat(string(m[1]), 64)
		n, err2 := strconv.ParseFloat(string(m[2]), 64)
		if err := errors.Join(err1, err2); err != nil {
			return 0, 0, fmt.Errorf("read the benchmark %s: %w", name, err)
		}
		times, counts = append(times, t), append(counts, n)
	}
	if len(times) == 0 {
		return 0, 0, fmt.Errorf("there is no benchmark %s in:\n%s", name, text)
	}
	return median(times), median(counts), nil
}
