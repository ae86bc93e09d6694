package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// A scan is a `migrate evidence` with a store, by the program as it is shipped.
type scan struct {
	program, logs, store string
	took                 time.Duration // roughly
}

// TestScanSurvivesKills: a scan that is killed at any moment, and started
// again as often as that takes, prints in the end what one prints that nobody
// disturbs, byte for byte. FULL=1 kills 500 times, not 50. It does not run
// beside other tests: it takes the time of processes.
func TestScanSurvivesKills(t *testing.T) {
	s := &scan{program: filepath.Join(t.TempDir(), "lockstep"), logs: t.TempDir()}
	goBuild(t, s.program, ".")
	writeAccessLogs(t, s.logs)
	s.store = filepath.Join(t.TempDir(), "store")
	began := time.Now()
	want, killed := s.run(t, time.Minute)
	if s.took = time.Since(began); killed || bytes.Count(want, []byte(`"subject"`)) != scanClients {
		t.Fatalf("killed %t, %d clients, want %d", killed, bytes.Count(want, []byte(`"subject"`)), scanClients)
	}
	kills, random := 50, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	if os.Getenv("FULL") != "" {
		kills = 500
	}
	midway := s.killed(t, kills, random, want)
	if got, killed := s.run(t, time.Minute); killed || !bytes.Equal(got, want) {
		t.Errorf("after kills it printed\n%.2000s\nnot\n%.2000s", got, want)
	}
	if midway < kills/10 {
		t.Errorf("%d of %d kills struck between two commits", midway, kills)
	}
}

// killed kills scans, and counts how often something had been stored before.
func (s *scan) killed(t *testing.T, kills int, random *rand.Rand, want []byte) (midway int) {
	t.Helper()
	fresh := func() string { return filepath.Join(t.TempDir(), "store") }
	s.store = fresh()
	for kills > 0 {
		got, killed := s.run(t, time.Duration(random.Int64N(int64(s.took)+1)))
		switch {
		case killed:
			kills--
			if sizeOf(s.store+"-wal") > 256<<10 {
				midway++
			}
			s.took += s.took / 8
		case !bytes.Equal(got, want):
			t.Fatalf("after kills it printed\n%.2000s\nnot\n%.2000s", got, want)
		default: // it should strike while it works
			s.took -= s.took / 8
			s.store = fresh()
		}
	}
	return midway
}

// run scans and prints, unless it is killed before.
func (s *scan) run(t *testing.T, after time.Duration) (out []byte, killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.program, "migrate", "evidence", "--logs", s.logs, "--dialect", "nginx", "--environment", "eu",
		"--store", s.store, "--memory", "1", "--format", "json")
	var printed, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &printed, &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	timer.Stop()
	if err != nil && cmd.ProcessState.ExitCode() >= 0 {
		t.Fatalf("%v\n%s", err, complaint.String())
	}
	return printed.Bytes(), err != nil
}

// scanClients is how many clients the logs of a scan have: as many tallies take
// several MiB, which is more than it may keep in memory between two commits.
const scanClients = 12_000

// writeAccessLogs writes two requests of each client, to a plain log and to a
// packed one.
func writeAccessLogs(t *testing.T, dir string) {
	t.Helper()
	var plain, packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	for i := range scanClients {
		line := fmt.Sprintf("10.%d.%d.%d - - [21/Nov/2026:10:%02d:%02d +0000] \"GET /configs/demo/default/application HTTP/1.1\" 200 512 \"-\" \"Java/17\"\n",
			i>>16, i>>8&0xff, i&0xff, i%3600/60, i%60)
		plain.WriteString(line)
		fmt.Fprint(zip, line[:len(line)-3], "8\"\n")
	}
	err := zip.Close()
	for name, text := range map[string][]byte{"access.log": plain.Bytes(), "access.log.1.gz": packed.Bytes()} {
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), text, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
