package schemas

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf16"

	"go.yaml.in/yaml/v3"
)

func TestValuesAtMost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		want int
	}{
		{"", 1},
		{"addr: https://h:8443/a\n", 3},
		{"addr: localhost:8443\n", 3},
		{"listeners:\n  - endpoint_id: a\n    addr: '80'\n", 8},
		{"a:\r\n- b\r\n", 4},
		{"a: [b, c]\n", 6},
		{"a: [{}, {}]\n", 10},
		{`{"a": [1, 2], "b":3}`, 8},
		{"# a: [b, c] - d\na: 1 # b\n", 3},
		{"# it's: here\n", 3},
		{"# a\r- b\n", 2},
		{"# a\u0085- b\n", 2},
		{"cert: |\n  -----BEGIN CERTIFICATE-----\n  ab+/cd==\n  -----END CERTIFICATE-----\n", 3},
		{"? a\n: b\n", 5},
	} {
		if got := valuesAtMost([]byte(test.text)); got != test.want {
			t.Errorf("%q: %d, want %d", test.text, got, test.want)
		}
	}
}

// TestParseDocumentRefusesWhatIsDense: not by its size, but by how much it
// holds, in each encoding.
func TestParseDocumentRefusesWhatIsDense(t *testing.T) {
	t.Parallel()
	dense := "listeners: [" + strings.Repeat("{},", maxValues/4) + "]"
	wide := []byte("\xfe\xff")
	for _, unit := range utf16.Encode([]rune(dense)) {
		wide = append(wide, byte(unit>>8), byte(unit))
	}
	for name, text := range map[string]string{
		"empty": dense, "UTF-16": string(wide), "keys": strings.Repeat("a: 1\n", maxValues/2), "items": strings.Repeat("-\n", maxValues),
	} {
		_, err := ParseDocument("f.yaml", []byte(text))
		if !errors.Is(err, ErrTooManyValues) || len(Hints(err)) != 1 || !strings.HasPrefix(err.Error(), "read f.yaml: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"comments": strings.Repeat("# a, b: [c]\n", maxValues), "lines": "a: |\n" + strings.Repeat("  b\n", maxValues),
	} {
		if _, err := ParseDocument("f.yaml", []byte(text)); err != nil {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// FuzzValuesAtMost: what the parser makes of a text is never more than twice
// what was counted in it, so that the limit is one of the memory, too.
func FuzzValuesAtMost(f *testing.F) {
	for _, source := range pikoCases(f) {
		f.Add(source)
	}
	for _, text := range []string{"{a, b, c}", "[a: b, 'c':d]", "\"\n#\", - b", "- - - a", "a: *b\n? c", "{'a':b, [c]:d}", "!a &b c: d"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		doc, _ := ParseDocument("f.yaml", source)
		if doc == nil || doc.Root == nil {
			return
		}
		if held, counted := nodesOf(doc.Root), valuesAtMost(source); held > 2*counted {
			t.Errorf("%d keys and values, at most %d were expected: %q", held, counted, source)
		}
	})
}

// nodesOf counts a node and all below it.
func nodesOf(node *yaml.Node) int {
	n := 1
	for _, child := range node.Content {
		n += nodesOf(child)
	}
	return n
}
