package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lockstep/internal/accesskey"
)

// TestCausesAreDocumented: the page has every cause in the words of the
// reports. UPDATE=1 rewrites its table.
func TestCausesAreDocumented(t *testing.T) {
	t.Parallel()
	const head = "| cause | what |\n|---|---|\n"
	path := filepath.Join("..", "..", "docs", "verify-log.md")
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, cause := range accesskey.Causes() {
		fmt.Fprintf(&table, "| `%s` | %s |\n", cause, cause.What())
	}
	before, after, found := strings.Cut(string(page), head)
	if !found {
		t.Fatal("the page has no table of causes")
	}
	old, rest, _ := strings.Cut(after+"\n", "\n\n")
	if old+"\n" == table.String() {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("the table of causes is not that of the code, UPDATE=1 rewrites it")
	}
	text := strings.TrimRight(before+head+table.String()+"\n"+rest, "\n") + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
