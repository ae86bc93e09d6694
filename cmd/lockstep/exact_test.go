package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A traffic sends requests until it is told to stop or the server is gone, and
// counts the answers by what they should be tallied as.
type traffic struct {
	s       *served
	mu      sync.Mutex
	counts  map[string]uint64
	wrong   atomic.Int64
	leaving atomic.Bool // failures are no fault any more
	group   sync.WaitGroup
}

func (s *served) load(workers int) *traffic {
	l := &traffic{s: s, counts: map[string]uint64{}}
	for worker := range workers {
		l.group.Go(func() { l.send(worker) })
	}
	return l
}

func (l *traffic) send(worker int) {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	counts := map[string]uint64{}
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for what, n := range counts {
			l.counts[what] += n
		}
	}()
	for i := worker; ; i++ {
		name := fmt.Sprintf("10.0.%d.%d", worker, i%7)
		key := []string{"k1", "k1", "k2", "other", ""}[i%5]
		want, what := http.StatusUnauthorized, map[string]string{
			"k1": "key/demo/k1 %s ok", "k2": "key/demo/k2 %s shadowed", "other": "key/demo %s signature", "": "key/demo %s missing",
		}[key]
		if key == "k1" {
			want = http.StatusOK
		}
		resp, err := client.Do(l.s.signedBy(key, name))
		if err != nil {
			if !l.leaving.Load() {
				l.s.t.Error(err)
			}
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			l.wrong.Add(1)
		}
		counts[fmt.Sprintf(what, name)]++
	}
}

// wait waits until the server is gone.
func (l *traffic) wait() map[string]uint64 {
	l.group.Wait()
	return l.counts
}

// TestEvidenceIsExact counts every request, through reloads, rotations by
// others and of its own, disks that are full and a SIGTERM under load.
func TestEvidenceIsExact(t *testing.T) {
	t.Parallel()
	const settings = "{flush_interval: 25ms, events: {max_bytes: 65536}}"
	s := newServed(t, settings)
	s.start()
	l := s.load(4)
	policy, err := os.ReadFile(s.path("policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	rounds := 3
	if os.Getenv("FULL") != "" {
		rounds = 30
	}
	for i := range rounds {
		s.write("policy.yaml", strings.ReplaceAll(string(policy), "25ms", fmt.Sprintf("%dms", 20+i%10)))
		s.eventually("reload", func() bool { return strings.Count(s.logged(), `"msg":"applied"`) >= i+2 })
		s.fill("700")
		s.eventually("full disk", func() bool { return strings.Count(s.logged(), "events cannot be written") > i })
		if i%2 == 1 { // a new file would have room for the first of its bytes
			s.rotate(i)
		}
		time.Sleep(100 * time.Millisecond) // more is counted than fits into one flush
		s.fill("unlimited")
		s.eventually("room", func() bool { return strings.Count(s.logged(), "events are written again") > i })
		s.rotate(100 + i)
	}
	l.leaving.Store(true)
	if status := s.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d; the log:\n%s", status, s.logged())
	}
	want := l.wait()
	e, status := s.evidence()
	if diff := cmp.Diff(want, e.counts()); diff != "" {
		t.Errorf("counts (-sent +evidence):\n%s", diff)
	}
	total := uint64(0)
	for _, n := range want {
		total += n
	}
	t.Logf("%d requests", total)
	if l.wrong.Load() != 0 || status != 0 {
		t.Errorf("%d wrong answers, exit status %d, coverage %+v", l.wrong.Load(), status, e.Coverage)
	}
	files, err := filepath.Glob(s.path("log/*"))
	if err != nil || len(files) < rounds+2 {
		t.Errorf("files %v, error %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Size() > 1<<20 {
			t.Errorf("%s is not put aside in time: %v", file, err)
		}
	}
}

// rotate renames the log as logrotate does.
func (s *served) rotate(i int) {
	s.t.Helper()
	// The process may be putting it aside itself at this moment.
	s.eventually("log to rename", func() bool {
		return os.Rename(s.path("log/events-n1.jsonl"), s.path(fmt.Sprintf("log/events-n1.jsonl.%d", i))) == nil
	})
}

// TestKillLosesOneInterval kills the process with counts that are not written
// yet: all that was written before is there, and the rest is missed.
func TestKillLosesOneInterval(t *testing.T) {
	t.Parallel()
	const first, rest = 100, 20
	s := newServed(t, "{flush_interval: 200ms}")
	get := func(n int) {
		for range n {
			resp, err := http.DefaultClient.Do(s.signedBy("k1", "10.0.0.1"))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
		}
	}
	count := func() uint64 {
		e, _ := s.evidence()
		return e.counts()["key/demo/k1 10.0.0.1 ok"]
	}
	least, most := uint64(0), uint64(0)
	for kills := range 3 {
		s.start()
		before := count()
		get(first)
		s.eventually("flush", func() bool { return count() == before+first })
		get(rest)
		s.kill()
		least, most = least+first, most+first+rest
		if n := count(); n < least || n > most {
			t.Errorf("after %d kills %d are counted, want %d to %d", kills+1, n, least, most)
		}
	}
	s.start()
	if status := s.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d; the log:\n%s", status, s.logged())
	}
	s.start()
	if status := s.stop(syscall.SIGTERM); status != 0 {
		t.Errorf("exit status %d; the log:\n%s", status, s.logged())
	}
	e, status := s.evidence()
	if len(e.Coverage.Gaps) != 3 || status != statusIncomplete {
		t.Errorf("gaps %+v, exit status %d", e.Coverage.Gaps, status)
	}
	for _, gap := range e.Coverage.Gaps {
		if gap.Node != "n1" || !gap.Cut || gap.Lines != 0 {
			t.Errorf("gap %+v", gap)
		}
	}
}
