package main

import (
	"context"
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

// timeVerify runs the benchmarks of the package that checks signatures, in
// turn. They time themselves by the clock on the wall, which says little where
// others use the machine too; CPU time of the whole process says more.
func (s *stand) timeVerify(ctx context.Context) (v verifying, err error) {
	program := filepath.Join(s.dir, "accesskey.test")
	cmd := exec.CommandContext(ctx, "go", "test", "-C", filepath.Join("..", "..", ".."), "-c", "-o", program, "./internal/accesskey")
	if text, err := cmd.CombinedOutput(); err != nil {
		return v, fmt.Errorf("go test: %w\n%s", err, text)
	}
	var ratios []float64
	for range 7 {
		check, allocations, err := benchmark(ctx, program, "Verify/keys=1$")
		if err != nil {
			return v, err
		}
		naive, _, err := benchmark(ctx, program, "Naive$")
		if err != nil {
			return v, err
		}
		ratios, v.allocations = append(ratios, check/naive), max(v.allocations, allocations)
	}
	v.toNaive = median(ratios)
	return v, nil
}

// benchmark runs one benchmark for a fixed number of times.
func benchmark(ctx context.Context, program, name string) (cpu, allocations float64, err error) {
	cmd := exec.CommandContext(ctx, "taskset", "-c", proxyCore, program,
		"-test.run", "^$", "-test.bench", "^Benchmark"+name, "-test.benchmem", "-test.benchtime", "500000x")
	text, err := cmd.CombinedOutput()
	if err != nil {
		return 0, 0, fmt.Errorf("benchmark %s: %w\n%s", name, err, text)
	}
	found := regexp.MustCompile(`(?m) (\d+) allocs/op$`).FindSubmatch(text)
	if found == nil {
		return 0, 0, fmt.Errorf("there is no benchmark %s:\n%s", name, text)
	}
	if allocations, err = strconv.ParseFloat(string(found[1]), 64); err != nil {
		return 0, 0, fmt.Errorf("benchmark %s: %w", name, err)
	}
	return (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), allocations, nil
}
