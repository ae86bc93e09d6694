package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// testProcess is a process that touches nothing but a buffer.
func testProcess() (p *process, stderr *bytes.Buffer) {
	stderr = &bytes.Buffer{}
	return &process{
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: stderr,
		getenv: func(string) string { return "" },
		now:    func() time.Time { return time.Unix(0, 0) },
	}, stderr
}

func TestPermute(t *testing.T) {
	t.Parallel()
	p, _ := testProcess()
	app := p.app()
	for line, want := range map[string]string{
		"lockstep lint a.yaml --tier staging":                   "lockstep lint --tier staging a.yaml",
		"lockstep lint --tier staging a.yaml":                   "lockstep lint --tier staging a.yaml",
		"lockstep lint a.yaml --exit-zero b.yaml":               "lockstep lint --exit-zero a.yaml b.yaml",
		"lockstep lint a.yaml -o=json b.yaml -o text":           "lockstep lint -o=json -o text a.yaml b.yaml",
		"lockstep lint - --stdin-name x":                        "lockstep lint --stdin-name x -",
		"lockstep lint a.yaml -- --tier staging":                "lockstep lint a.yaml -- --tier staging",
		"lockstep migrate apply plan.yaml --rollout r.yaml":     "lockstep migrate apply --rollout r.yaml plan.yaml",
		"lockstep lint rules rules":                             "lockstep lint rules rules",
		"lockstep lint a.yaml rules":                            "lockstep lint a.yaml rules",
		"lockstep lint a.yaml --tier":                           "lockstep lint --tier",
		"lockstep lint a.yaml --help":                           "lockstep lint --help",
		"lockstep run --log-level":                              "lockstep --log-level",
		"lockstep --log-level debug lint a.yaml --tirr staging": "lockstep --log-level debug lint --tirr a.yaml staging",
		"lockstep lint a.yaml --log-level debug":                "lockstep --log-level debug lint a.yaml",
		"lockstep lint a.yaml --fix b.yaml":                     "lockstep lint --fix a.yaml b.yaml",
		"lockstep lint a.yaml --fix=unsafe --diff":              "lockstep lint --fix=unsafe --diff a.yaml",
		"lockstep migrate scann --logs x":                       "lockstep migrate scann",
		"lockstep --log-level debug migrat plan --logs x":       "lockstep --log-level debug migrat plan",
		"lockstep help migrate plan":                            "lockstep help migrate plan",
		"lockstep":                                              "lockstep",
	} {
		if got := strings.Join(permute(app, strings.Fields(line)), " "); got != want {
			t.Errorf("%s\n got %s\nwant %s", line, got, want)
		}
	}
}

// TestWorse goes through the precedence that the exit statuses are documented
// with.
func TestWorse(t *testing.T) {
	t.Parallel()
	order := []int{statusOK, statusNoInput, statusFindings, statusIncomplete, statusUsage, statusBug}
	for _, a := range order {
		for _, b := range order {
			want := order[max(slices.Index(order, a), slices.Index(order, b))]
			if got := worse(a, b); got != want {
				t.Errorf("worse(%d, %d) = %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	p, stderr := testProcess()
	p.explain(usage(errors.Join(
		schemas.Hint(errors.New("first"), "do this"),
		fmt.Errorf("outer: %w", schemas.Hint(errors.New("second"), "do that")),
	)))
	want := "lockstep: error: first\nhint: do this\nlockstep: error: outer: second\nhint: do that\n"
	if stderr.String() != want {
		t.Errorf("got\n%swant\n%s", stderr, want)
	}
	stderr.Reset()
	p.explain(silent(statusFindings))
	if stderr.Len() > 0 {
		t.Errorf("a silent status says %q", stderr)
	}
}

func TestStatusOf(t *testing.T) {
	t.Parallel()
	for want, err := range map[int]error{
		statusOK:         nil,
		statusUsage:      fmt.Errorf("wrapped: %w", usage(errors.New("x"))),
		statusIncomplete: errors.New("nobody classified this"),
		statusFindings:   silent(statusFindings),
	} {
		if got := statusOf(err); got != want {
			t.Errorf("status of %v is %d, want %d", err, got, want)
		}
	}
}

func TestRequestTarget(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://h/a?b=c":           "/a?b=c",
		"https://h:1/a%2Fb?x;y#z":  "/a%2Fb?x;y",
		"http://h":                 "/",
		"http://h?x=1":             "/?x=1",
		"http://h/configs/é/a?ip=": "/configs/é/a?ip=",
	} {
		if got, err := requestTarget(url); err != nil || got != want {
			t.Errorf("%s: %q, %v; want %q", url, got, err, want)
		}
	}
	for _, url := range []string{"", "/a", "ftp://h/a", "http://"} {
		if got, err := requestTarget(url); err == nil {
			t.Errorf("%q gives %q", url, got)
		}
	}
}
