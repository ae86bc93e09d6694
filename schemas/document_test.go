package schemas_test

import (
	"errors"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// token returns the text under span, which lies on one line in these tests.
func token(t *testing.T, source string, span schemas.Span) string {
	t.Helper()
	lines := strings.Split(strings.ReplaceAll(source, "\r\n", "\n"), "\n")
	if span.Start.Line != span.End.Line || span.Start.Line > len(lines) {
		t.Fatalf("span %v does not lie on a line of %d", span, len(lines))
	}
	line := []rune(strings.TrimPrefix(lines[span.Start.Line-1], "\ufeff"))
	return string(line[span.Start.Column-1 : span.End.Column-1])
}

func TestSpan(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ source, want string }{
		{"a: plain\n", "plain"},
		{"a: two words # comment\n", "two words"},
		{"a: \"quoted \\\" text\"\n", `"quoted \" text"`},
		{"a: 'it''s'\n", "'it''s'"},
		{"a: &anchor value\n", "value"},
		{"a: !!str &x yes\n", "yes"},
		{"a: |-\n  block\n", "|-"},
		{"a: {b: 1}\n", "{"},
		{"a: [1, 2]\n", "["},
		{"a:\n  key: 1\n", "key"},
		{"a:\n  - item\n", "-"},
		{"é: 日本 語\n", "日本 語"},
		{"\ufeffa: after mark\n", "after mark"},
		{"x: 1\r\na: value\r\n", "value"},
		{"a: first\n  second\n", "first"},
		{"{a: inner, b: 2}\n", "inner"},
	} {
		doc, err := schemas.ParseDocument("t.yaml", []byte(test.source))
		if err != nil {
			t.Fatalf("%q: %v", test.source, err)
		}
		if got := token(t, test.source, doc.Span(valueOf(doc.Root))); got != test.want {
			t.Errorf("%q: span covers %q, want %q", test.source, got, test.want)
		}
	}
}

// valueOf returns the value of the first key that is not x.
func valueOf(node *yaml.Node) *yaml.Node {
	if node.Content[0].Value == "x" {
		return node.Content[3]
	}
	return node.Content[1]
}

func TestSpanInUTF16(t *testing.T) {
	t.Parallel()
	source := []byte{0xff, 0xfe}
	for _, c := range []byte("k: value\n") {
		source = append(source, c, 0)
	}
	doc, err := schemas.ParseDocument("t.yaml", source)
	if err != nil {
		t.Fatal(err)
	}
	want := schemas.Span{Start: schemas.Position{Line: 1, Column: 4}, End: schemas.Position{Line: 1, Column: 9}}
	if got := doc.Span(doc.Root.Content[1]); got != want {
		t.Errorf("span %v, want %v", got, want)
	}
}

func TestSyntaxFaultHasPlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, source, want string }{
		{"tab", "a:\n\tb: 1\n", "t.yaml:2:2: not YAML: found character that cannot start any token"},
		{"control character", "a: 1\nb: \x01\n", "t.yaml:2:4: not YAML: control characters are not allowed"},
		{"broken UTF-8", "a: \xff\n", "t.yaml:1:4: not YAML: "},
		{"unknown anchor", "a: *none\n", "t.yaml:1:1: not YAML: an alias names no anchor"},
	} {
		_, err := schemas.ParseDocument("t.yaml", []byte(test.source))
		var fault *schemas.Fault
		if !errors.As(err, &fault) {
			t.Errorf("%s: error %v is not a Fault", test.name, err)
			continue
		}
		if !strings.HasPrefix(fault.Error(), test.want) {
			t.Errorf("%s: %q, want %q", test.name, fault.Error(), test.want)
		}
		if len(schemas.Hints(err)) != 1 {
			t.Errorf("%s: hints %v, want one", test.name, schemas.Hints(err))
		}
	}
}

func TestOnlyFirstDocumentCounts(t *testing.T) {
	t.Parallel()
	doc, err := schemas.ParseDocument("t.yaml", []byte("a: 1\n---\nnot yaml at all: [\n"))
	if err != nil || doc.Root == nil || doc.Root.Content[0].Value != "a" {
		t.Errorf("root %v, error %v; want the first document", doc, err)
	}
}

func FuzzParseDocument(f *testing.F) {
	for _, seed := range []string{"a: 1\n", "- *a\n", "a: &a [*a]\n", "\xff\xfea\x00", "a:\u2028b: 1", "? {}\n: x\n", "<<: [{a: 1}]\n"} {
		f.Add([]byte(seed))
	}
	schema, err := schemas.Compile(schemas.KindAgent)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		doc, err := schemas.ParseDocument("f.yaml", source)
		if err != nil {
			return
		}
		for _, v := range schema.Check(doc).Violations {
			if v.Message == "" || v.Span.Start.Line < 1 || v.Span.Start.Column < 1 || v.Span.End.Column < v.Span.Start.Column {
				t.Errorf("violation %+v has no message or place", v)
			}
		}
	})
}
