package lint_test

import (
	"encoding/base64"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"lockstep/lint"
	"lockstep/schemas"
)

// generated is the data that a seed stands for.
func generated(seed uint64) []byte {
	data := make([]byte, 1500)
	random := rand.NewChaCha8([32]byte(binary.LittleEndian.AppendUint64(make([]byte, 24), seed)))
	_, _ = random.Read(data)
	return data
}

// wrap puts a draft into a manifest, in one of four ways to write its value.
// It returns where a place in the draft is then.
func (d *draft) wrap(way int) (outer string, place func(schemas.Span) schemas.Span) {
	const head = "apiVersion: v1\nkind: Service\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: n}\ndata:\n  日: \"\"\n"
	start := schemas.Position{Line: strings.Count(head, "\n") + 1, Column: len("  agent.yaml: ") + 1}
	if way == 0 {
		lines := lineBreaks.ReplaceAllString(d.text, "$0      ")
		shift := func(p schemas.Position) schemas.Position {
			return schemas.Position{Line: p.Line + start.Line, Column: p.Column + len("      ")}
		}
		return head + "  agent.yaml: |\n      " + lines, func(s schemas.Span) schemas.Span {
			return schemas.Span{Start: shift(s.Start), End: shift(s.End)}
		}
	}
	token := ">2"
	value := token + "\n" + foldedLines(d.text)
	switch way {
	case 1:
		token = quoted(d.text)
		value = token
	case 2:
		token = base64.StdEncoding.EncodeToString([]byte(d.text))
		value = token
		outer = strings.NewReplacer("ConfigMap", "Secret").Replace(head)
	}
	if outer == "" {
		outer = head
	}
	end := schemas.Position{Line: start.Line, Column: start.Column + utf8.RuneCountInString(token)}
	return outer + "  agent.yaml: " + value + "\n", func(schemas.Span) schemas.Span { return schemas.Span{Start: start, End: end} }
}

// foldedLines writes text so that folding its lines gives it back: a line
// break between two lines that are not indented is written twice.
func foldedLines(text string) string {
	var out strings.Builder
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	isText := func(line string) bool { return line != "" && !strings.ContainsAny(line[:1], " \t") }
	for i, line := range lines {
		out.WriteString("    " + line + "\n")
		next := slices.IndexFunc(lines[i+1:], func(line string) bool { return line != "" })
		if next >= 0 && isText(line) && isText(lines[i+1+next]) {
			out.WriteString("\n")
		}
	}
	return out.String()
}

// TestPlacesOfGeneratedManifests wants findings in a literal block where
// their tokens stand in the manifest, whatever ends its lines, and those in a
// value that is folded, quoted or encoded at the start of that value.
func TestPlacesOfGeneratedManifests(t *testing.T) {
	t.Parallel()
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	tried := map[int]int{}
	for seed := range uint64(240) {
		d := newDraft(generated(seed))
		if d.expand || d.mark != "" {
			continue // what is in a manifest has neither
		}
		way := int(seed % 4)
		outer, place := d.wrap(way)
		if way == 3 && embedded(outer) != d.text {
			continue // folding is not for every text
		}
		found, err := lint.Sources("m.yaml", []byte(outer), true)
		if err != nil || len(found) != 1 {
			t.Fatalf("seed %d: %d configs, %v, in\n%q", seed, len(found), err, outer)
		}
		tried[way]++
		if way == 0 {
			d.marks = slices.DeleteFunc(d.marks, func(m mark) bool { return m.rule == "P012" })
			d.marks = append(d.marks, keptBreak(d.text)...)
		}
		report, err := checker.CheckSource(found[0], placeInput())
		if err != nil {
			t.Fatal(err)
		}
		if d.check(t, report, place); t.Failed() {
			t.Fatalf("seed %d: manifest %q", seed, outer)
		}
	}
	t.Logf("manifests %v", tried)
	if len(tried) < 4 || tried[3] == 0 {
		t.Errorf("only %v tried", tried)
	}
}

// keptBreak marks the first odd line break that is one in a literal block
// too: the others come out of it as a line feed.
func keptBreak(text string) []mark {
	if i := strings.IndexAny(text, "\u2028\u2029"); i >= 0 {
		return []mark{{"P012", i, i}}
	}
	return nil
}

// FuzzPlaces is [TestPlaces] for whatever choices make a config.
func FuzzPlaces(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(generated(seed))
	}
	checker, err := lint.NewChecker()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := newDraft(data[:min(len(data), 3000)])
		d.means(t)
		checkPlaces(t, checker, d)
	})
}
