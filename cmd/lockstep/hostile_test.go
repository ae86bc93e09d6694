package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The budget of one run of the program, whatever it is given. The time is that
// of the processor, as others share the machine with a test; waiting for a
// file that never ends costs five times as much, and the run is killed.
const (
	hostileTime   = 2 * time.Second
	hostileMemory = 256 << 20
)

// What is said of a file that is left alone.
const (
	tooDense  = "more than 260,000 keys and values"
	tooFaulty = "too many to list"
)

// TestHostileFiles gives the real program files that are made to hang it or
// to fill its memory. Each run ends in time, in little memory and with an
// error for a person.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "lockstep")
	goBuild(t, program, ".")
	m := newMeter(t)
	hostile := func(t *testing.T, want, program string, args ...string) int {
		t.Helper()
		return hostile(t, m, want, program, args...)
	}
	files := hostileFiles(t, dir)
	for name, want := range map[string]string{
		"large.yaml": "larger than 4 MiB", "fifo": "not a regular file", "/dev/zero": "not a regular file",
		"bomb.yaml": "too many values", "merges.yaml": "too many values", "deep.yaml": "depth", "mappings.yaml": "refuses", "open.yaml": "not YAML",
	} {
		path := files(name)
		hostile(t, want, program, "lint", "--tier", "staging", path)
		hostile(t, want, program, "lint", "--tier", "staging", "--expand-env", path)
		hostile(t, "", program, "lint", "--tier", "staging", "--policy", path, files("ca.yaml"))
		hostile(t, "", program, "lint", "--expand-env", "--env-file", path, files("ca.yaml"))
		hostile(t, "", program, "lint", "--probe-from", path, files("ca.yaml"))
		hostile(t, "", program, "run", "--listen", "127.0.0.1:0", "--config", path)
	}
	for name, want := range denseFiles(t, files) {
		status := hostile(t, want, program, "lint", "--tier", "staging", "--fail-on", "warning", files(name))
		if refused := want == tooDense || want == tooFaulty; refused != (status == statusIncomplete) {
			t.Errorf("%s: status %d", name, status)
		}
		hostile(t, "", program, "lint", "--tier", "staging", "--policy", files(name), files("ca.yaml"))
		bounded(t, m, program, "run", "--gate", "off", "--check", "--config", files(name))
	}
	for _, ca := range []string{"large.yaml", "fifo", "/dev/zero", "bomb.yaml"} {
		config := "listeners: [{endpoint_id: e, addr: 'https://h', timeout: 1s, tls: {root_cas: '" + files(ca) + "'}}]\n"
		if err := os.WriteFile(files("ca.yaml"), []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		hostile(t, "root_cas", program, "lint", "--tier", "staging", files("ca.yaml"))
		hostile(t, "root_cas", program, "run", "--check", "--config", files("ca.yaml"))
	}
}

// hostileFiles makes the files in dir and returns how to find them.
func hostileFiles(t *testing.T, dir string) (find func(name string) string) {
	t.Helper()
	find = func(name string) string {
		if filepath.IsAbs(name) {
			return name
		}
		return filepath.Join(dir, name)
	}
	const ok = "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]\n"
	bomb, merges := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n", "a0: &a0 {k: 1}\n"
	for _, level := range []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"} {
		below := string(level[0] - 1)
		all := strings.TrimSuffix(strings.Repeat("*a"+below+",", 9), ",")
		bomb += "a" + level + ": &a" + level + " [" + all + "]\n"
		merges += "a" + level + ": &a" + level + " {<<: [" + all + "]}\n"
	}
	const depth = 10_000
	for name, text := range map[string]string{
		"ca.yaml": ok, "bomb.yaml": bomb, "merges.yaml": merges,
		"deep.yaml":     "listeners: " + strings.Repeat("[", 2*depth) + strings.Repeat("]", 2*depth),
		"mappings.yaml": strings.Repeat("{a: ", depth) + strings.Repeat("}", depth),
		"open.yaml":     strings.Repeat("- [", depth),
	} {
		if err := os.WriteFile(find(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(find("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(find("large.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(find("large.yaml"), 100_000_000); err != nil {
		t.Fatal(err)
	}
	return find
}

// denseFiles makes files just under the limit of the size, or of what one may
// hold, and returns what is said of each. The last two are large, but fine.
func denseFiles(t *testing.T, find func(name string) string) (want map[string]string) {
	t.Helper()
	const (
		listener = "  - endpoint_id: service\n    addr: https://service:8443\n    protocol: http\n    timeout: 30s\n" +
			"    access_log:\n      level: info\n      disable: false\n    http_client: {max_idle_conns: 10}\n" +
			"    tls:\n      insecure_skip_verify: true\n    # - a, b: {c}\n\n"
		certificate = "  - endpoint_id: service\n    addr: https://service:8443\n    timeout: 30s\n    tls:\n      root_cas: |\n"
	)
	want = map[string]string{}
	for _, f := range []struct {
		name, head, unit string
		times            int
		tail, want       string
	}{
		{"empties.yaml", "listeners: [", "{},", 1_300_000, "]", tooDense},
		{"items.yaml", "listeners:\n", "-\n", 2_000_000, "", tooDense},
		{"unknown.yaml", "", "unknown: 1\n", 300_000, "", tooDense},
		{"wide.yaml", "listeners: [", "[[[[[[[[]]]]]]]],", 240_000, "]", tooDense},
		{"aliases.yaml", "a: &a [1]\nlisteners: [", "*a,", 1_300_000, "]", tooDense},
		{"mistakes.yaml", "listeners: [", "{},", 64_000, "]", tooFaulty},
		{"nulls.yaml", "listeners:\n", "-\n", 250_000, "", tooFaulty},
		{"flow.yaml", "{a: {", "'',", 129_000, "}}", tooFaulty},
		{"pairs.yaml", "{a: [", "b: c,", 129_000, "]}", "refuses"},
		{"lines.yaml", "listeners: |\n", " \n", 2_000_000, "", "refuses"},
		{"listeners.yaml", "listeners:\n", listener, 10_000, "", "is not verified"},
		{"certificates.yaml", "listeners:\n", certificate + strings.Repeat("        MIIB+/=\n", 200), 1000, "", "root_cas"},
	} {
		want[f.name] = f.want
		if err := os.WriteFile(find(f.name), []byte(f.head+strings.Repeat(f.unit, f.times)+f.tail), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return want
}

// hostile runs the program within its budget, wants a word in what it says,
// and returns the exit status, which is not 0.
func hostile(t *testing.T, m meter, want, program string, args ...string) (status int) {
	t.Helper()
	status, out := bounded(t, m, program, args...)
	if status == 0 || !bytes.Contains(out, []byte(want)) {
		t.Errorf("%q: status %d, %q is not in\n%.500s", args, status, want, out)
	}
	return status
}

// bounded runs the program within its budget.
func bounded(t *testing.T, m meter, program string, args ...string) (status int, out []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*hostileTime)
	defer cancel()
	out, u := m.run(ctx, t, program, args...)
	if u.Status < 0 || u.Status >= statusBug || bytes.Contains(out, []byte("goroutine ")) {
		t.Errorf("%q: status %d\n%.500s", args, u.Status, out)
	}
	if u.Time > hostileTime || u.Memory > hostileMemory {
		t.Errorf("%q: %v, %d MiB; the budget is %v, %d MiB", args, u.Time, u.Memory>>20, hostileTime, hostileMemory>>20)
	}
	return u.Status, out
}
