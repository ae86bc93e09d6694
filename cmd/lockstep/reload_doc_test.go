package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// A row of the table of edits: a command, and the message that it leads to.
var editRow = regexp.MustCompile("(?m)^\\| `(.+?)` \\| `(.+?)` \\|")

// TestReloadDocs runs each edit of docs/reload.md beside a process that serves
// the file.
func TestReloadDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reload.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := editRow.FindAllStringSubmatch(string(page), -1)
	if len(rows) < 10 {
		t.Fatalf("the page has %d edits", len(rows))
	}
	for _, row := range rows {
		t.Run(row[1], func(t *testing.T) {
			t.Parallel()
			r := startRun(t)
			edit := exec.CommandContext(t.Context(), "sh", "-ec", row[1])
			edit.Dir = filepath.Dir(r.config)
			edit.Env = append(os.Environ(), fmt.Sprintf("PID=%d", r.cmd.Process.Pid))
			if out, err := edit.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			r.logged(row[2])
		})
	}
}
