package runtime

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf16"
)

// TestBadEdits puts everything in the place of the config that is none. Each
// time the last good version stays, and what is put right is applied.
func TestBadEdits(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		edit func(path string) error
		want string
	}{
		"gone":      {os.Remove, "no such file"},
		"empty":     {func(path string) error { return write(path, nil) }, "the file is empty"},
		"cut off":   {func(path string) error { return os.Truncate(path, 40) }, "agent.yaml:2:"},
		"binary":    {func(path string) error { return write(path, []byte{0, 1, 2}) }, "agent.yaml:1:"},
		"directory": {func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) }, "it is a directory"},
		"FIFO": {
			func(path string) error { return errors.Join(os.Remove(path), syscall.Mkfifo(path, 0o600)) },
			"it is not a regular file",
		},
		"100 MB":          {func(path string) error { return os.Truncate(path, 100<<20) }, "it is larger than 4 MiB"},
		"loop of links":   {func(path string) error { return errors.Join(os.Remove(path), os.Symlink("agent.yaml", path)) }, "too many levels"},
		"link to nowhere": {func(path string) error { return errors.Join(os.Remove(path), os.Symlink("none", path)) }, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			up := echo(t, "up").URL
			w := newWorld(t, up)
			w.tune = func(s *Server) { s.pace = quickPace() }
			w.start()
			for round := range 2 {
				if err := test.edit(w.path("agent.yaml")); err != nil {
					t.Fatal(err)
				}
				if text := w.rejected(); !strings.Contains(text, test.want) {
					t.Errorf("rejected for %s, want %q", text, test.want)
				}
				if status, _ := w.get(target, sign(t, secret1, target)...); status != http.StatusOK {
					t.Errorf("the last good version answers %d", status)
				}
				if m := w.metrics(); m["lockstep_config_last_reload_successful"] != "0" {
					t.Error("the metric says that all is well")
				}
				if status, _ := w.ops("/readyz"); status != http.StatusOK {
					t.Errorf("ready: %d", status)
				}
				if err := os.RemoveAll(w.path("agent.yaml")); err != nil {
					t.Fatal(err)
				}
				w.replace("agent.yaml", agentConfig(up)+strings.Repeat("\n", round+1))
				w.applied(round + 1)
			}
		})
	}
}

// TestEncodings: what the agent reads as YAML is a good edit, with a byte order
// mark and in UTF-16, too.
func TestEncodings(t *testing.T) {
	t.Parallel()
	w, _ := newWatched(t)
	w.start()
	for n, text := range []string{"\ufeff" + agentConfig("http://up-2"), wide(agentConfig("http://up-3"))} {
		w.replace("agent.yaml", text)
		w.applied(n + 1)
	}
}

// wide is text in UTF-16, the lower byte first, with its mark.
func wide(text string) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune("\ufeff" + text)) {
		b.Write([]byte{byte(unit), byte(unit >> 8)})
	}
	return b.String()
}

// TestSavesWithoutEnd saves as fast as it can, for two seconds: versions are
// applied meanwhile, none of them torn, and the last one at the end.
func TestSavesWithoutEnd(t *testing.T) {
	t.Parallel()
	w, _ := newWatched(t)
	w.start()
	saves, start := 0, time.Now()
	for time.Since(start) < 2*time.Second {
		saves++
		w.replace("agent.yaml", agentConfig("http://up-"+strings.Repeat("x", saves%20)+"y"))
	}
	meanwhile := w.server.Status()
	w.replace("agent.yaml", agentConfig("http://last"))
	w.eventually("last version", func() bool {
		return w.server.current.Load().upstream(listenerID{"svc", 1}).target.Host == "last"
	})
	if meanwhile.Good.Number < 2 || strings.Contains(w.log.String(), "rejected") {
		t.Errorf("%d versions in %d saves; log:\n%s", meanwhile.Good.Number, saves, w.log.String())
	}
	t.Logf("%d saves, %d versions", saves, meanwhile.Good.Number)
}
