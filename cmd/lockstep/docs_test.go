package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// A fenced block of a page, and the comment in front that makes it a file.
var fencedBlock = regexp.MustCompile("(?ms)^(?:<!-- file: (\\S+) -->\n)?```(\\w+)\n(.*?)^```$")

// adminAddress is that of a process in the background.
var adminAddress = regexp.MustCompile(`unix:\S+`)

// TestDocs runs the examples of the pages in docs: what stands in a console
// block behind `$ ` is a command, what follows is all that it prints, where …
// stands for what differs each time. A command with & at its end goes on.
func TestDocs(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join("..", "..", "docs", "*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	var scripts []string
	dir := t.TempDir()
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.Base(page)+".txtar")
		if err := os.WriteFile(path, []byte(docsScript(string(text))), 0o600); err != nil {
			t.Fatal(err)
		}
		scripts = append(scripts, path)
	}
	testscript.Run(t, testscript.Params{
		Files: scripts, RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"status": expectStatus, "ready": waitReady, "like": expectLike},
	})
}

// docsScript turns a page into a script with its files.
func docsScript(page string) string {
	var commands, files strings.Builder
	for _, block := range fencedBlock.FindAllStringSubmatch(page, -1) {
		file, language, text := block[1], block[2], block[3]
		switch {
		case file != "":
			fmt.Fprintf(&files, "-- %s --\n%s", file, text)
		case language == "console":
			for i, example := range strings.Split(text, "$ ")[1:] {
				command, output, _ := strings.Cut(example, "\n")
				status := "0"
				if cut, last, ok := strings.Cut(output, "(exit status "); ok {
					output, status = cut, strings.TrimRight(last, ")\n")
				}
				if server, background := strings.CutSuffix(command, " &"); background {
					fmt.Fprintf(&commands, "exec %s &\nready %s\n", server, adminAddress.FindString(server))
					continue
				}
				name := fmt.Sprintf("want-%d-%d", commands.Len(), i)
				fmt.Fprintf(&commands, "status %s %s\nlike %s\n", status, command, name)
				fmt.Fprintf(&files, "-- %s --\n%s", name, output)
			}
		}
	}
	return commands.String() + "\n" + files.String()
}

// expectLike compares the last output with a file: `like FILE`. In the file, …
// stands for any text within a line.
func expectLike(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: like FILE")
	}
	got, want := ts.ReadFile("stdout"), ts.ReadFile(args[0])
	pattern := "^" + strings.ReplaceAll(regexp.QuoteMeta(want), "…", ".*") + "$"
	if !regexp.MustCompile(pattern).MatchString(got) {
		ts.Fatalf("the output is\n%s\nand not like\n%s", got, want)
	}
}
