package schemas_test

import (
	"strings"
	"testing"

	"lockstep/schemas"
)

// TestSpanBelowProperties: an anchor or tag may stand a line above what it
// belongs to, with a comment behind it.
func TestSpanBelowProperties(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]schemas.Span{
		"a: &x # why\n  - b\n":     span(4, 6),
		"a: !!str\n  b\n":          span(4, 9),
		"a: &x !!seq # why\n- b\n": span(7, 12),
		"a: &x !!str b # why\n":    span(13, 14),
		"a: &x {b: c}\n":           span(7, 8),
	} {
		doc, err := schemas.ParseDocument("f.yaml", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		if got := doc.Span(doc.Root.Content[1]); got != want {
			t.Errorf("%q: value at %v, want %v", source, got, want)
		}
	}
}

// span is a stretch of the first line.
func span(start, end int) schemas.Span {
	return schemas.Span{Start: schemas.Position{Line: 1, Column: start}, End: schemas.Position{Line: 1, Column: end}}
}

// TestSpanInLongLine finds each value of a line that is long enough to make
// searching it from its start for each of them last for minutes.
func TestSpanInLongLine(t *testing.T) {
	t.Parallel()
	const values = 100_000
	doc, err := schemas.ParseDocument("f.json", []byte("["+strings.Repeat("abc, ", values)+"]"))
	if err != nil {
		t.Fatal(err)
	}
	for i, node := range doc.Root.Content {
		if got, want := doc.Span(node), span(2+5*i, 5+5*i); got != want {
			t.Fatalf("value %d at %v, want %v", i, got, want)
		}
	}
}
