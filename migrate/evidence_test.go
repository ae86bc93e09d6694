package migrate

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEvidenceGolden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"blind", "in-the-way"} {
		dir := filepath.Join(casesDir, name)
		e := caseInput(t, dir).Evidence
		for i := range e.Samples { // they name the file as the user did
			e.Samples[i].File = filepath.Base(e.Samples[i].File)
		}
		var people, programs bytes.Buffer
		if err := e.WriteText(&people); err != nil {
			t.Fatal(err)
		}
		if err := e.WriteJSON(&programs); err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(dir, "evidence.golden.txt"), people.Bytes())
		golden(t, filepath.Join(dir, "evidence.golden.json"), programs.Bytes())
	}
}

// Nothing seen is a report as well, with lists for programs to walk.
func TestEvidenceOfNothing(t *testing.T) {
	t.Parallel()
	e := gather(t, writeFile(t, filepath.Join(t.TempDir(), "log"), ""), "")
	var people, programs strings.Builder
	if err := e.WriteText(&people); err != nil {
		t.Fatal(err)
	}
	if err := e.WriteJSON(&programs); err != nil {
		t.Fatal(err)
	}
	if want := "0 lines: 0 events, 0 ignored, 0 not understood\n\nno client has been seen\n"; people.String() != want {
		t.Errorf("text %q, want %q", people.String(), want)
	}
	for _, want := range []string{`"clients": []`, `"nodes": []`, `"gaps": []`} {
		if !strings.Contains(programs.String(), want) {
			t.Errorf("no %s in\n%s", want, programs.String())
		}
	}
}

// A line that is still being written is noted, not held against the log.
func TestEvidenceNotesUnfinishedFiles(t *testing.T) {
	t.Parallel()
	log, err := os.ReadFile(filepath.Join(casesDir, "first-day", "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	e := gather(t, writeFile(t, filepath.Join(t.TempDir(), "log"), string(log[:len(log)-20])), "")
	var people strings.Builder
	if err := e.WriteText(&people); err != nil {
		t.Fatal(err)
	}
	if want := "3 lines: 3 events, 0 ignored, 0 not understood\n1 file is still being written, the last line is left out\n"; !strings.Contains(people.String(), want) {
		t.Errorf("text %q, want %q in it", people.String(), want)
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"billing-7":               "billing-7",
		"Büro 東京":                 "Büro 東京",
		"":                        `""`,
		" lead":                   `" lead"`,
		`a"b`:                     `"a\"b"`,
		"\x1b[31mred":             `"\x1b[31mred"`,
		"a\u202eb":                `"a\u202eb"`,
		"tab\tbreak\n":            `"tab\tbreak\n"`,
		"\u00a0":                  `"\u00a0"`,
		strings.Repeat("é", 64):   strings.Repeat("é", 64),
		strings.Repeat("é", 1000): strings.Repeat("é", 63) + "…",
	} {
		if got := printable(name); got != want {
			t.Errorf("printable(%q) = %s, want %s", name, got, want)
		}
	}
}
