package schemas

import (
	"bytes"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// sourceText maps the parser's line and column numbers to the text, to find
// the ends of tokens, which the parser does not keep.
type sourceText struct{ lines []sourceLine }

// A sourceLine is a line without its break.
type sourceLine struct {
	text  string
	start int  // in bytes from the start of the text, the byte order mark left out
	ascii bool // a column is a byte, so that finding one takes no time
}

func newSourceLine(text string, start int) sourceLine {
	return sourceLine{text, start, strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0}
}

// offset returns where in the text a column begins, at most its end.
func (l sourceLine) offset(column int) int {
	if l.ascii {
		return min(max(column-1, 0), len(l.text))
	}
	for i := range l.text {
		if column--; column < 1 {
			return i
		}
	}
	return len(l.text)
}

// lazyText splits source when it is first asked for: of most files nobody
// wants to know where anything stands.
func lazyText(source []byte) func() sourceText {
	return sync.OnceValue(func() sourceText { return newSourceText(source) })
}

// newSourceText splits source at the line breaks that the YAML parser counts.
func newSourceText(source []byte) sourceText {
	text := strings.TrimPrefix(decodeText(source), "\ufeff")
	var lines []sourceLine
	length := len(text)
	for len(text) > 0 {
		i := strings.IndexAny(text, "\r\n\u0085\u2028\u2029")
		if i < 0 {
			break
		}
		lines = append(lines, newSourceLine(text[:i], length-len(text)))
		_, width := utf8.DecodeRuneInString(text[i:])
		if strings.HasPrefix(text[i:], "\r\n") {
			width = 2
		}
		text = text[i+width:]
	}
	return sourceText{lines: append(lines, newSourceLine(text, length-len(text)))}
}

// decodeText returns source as UTF-8. YAML also allows UTF-16 with a byte
// order mark.
func decodeText(source []byte) string {
	little := bytes.HasPrefix(source, []byte{0xff, 0xfe})
	if !little && !bytes.HasPrefix(source, []byte{0xfe, 0xff}) {
		return string(source)
	}
	units := make([]uint16, 0, len(source)/2)
	for i := 2; i+1 < len(source); i += 2 {
		low, high := source[i], source[i+1]
		if !little {
			low, high = high, low
		}
		units = append(units, uint16(high)<<8|uint16(low))
	}
	return string(utf16.Decode(units))
}

// Lines returns the text of the document, split where its positions count lines.
func (d *Document) Lines() []string {
	lines := make([]string, len(d.text().lines))
	for i, l := range d.text().lines {
		lines[i] = l.text
	}
	return lines
}

// line returns a line counted from 1, an empty one if there is none.
func (t sourceText) line(n int) sourceLine {
	if n < 1 || n > len(t.lines) {
		return sourceLine{}
	}
	return t.lines[n-1]
}

// wholeLine spans the text of line n without its indentation.
func (t sourceText) wholeLine(n int) Span {
	text := t.line(n).text
	indent := len(text) - len(strings.TrimLeft(text, " \t"))
	return Span{
		Start: Position{max(n, 1), indent + 1},
		End:   Position{max(n, 1), max(utf8.RuneCountInString(strings.TrimRight(text, " \t")), indent) + 1},
	}
}

// firstForbidden spans the first character that YAML does not allow, or the
// start of the text if all are allowed.
func (t sourceText) firstForbidden() Span {
	for n, line := range t.lines {
		column := 0
		for i, r := range line.text {
			column++
			_, width := utf8.DecodeRuneInString(line.text[i:])
			broken := r == utf8.RuneError && width == 1
			if broken || (r < ' ' && r != '\t') || r == 0x7f {
				return Span{Start: Position{n + 1, column}, End: Position{n + 1, column + 1}}
			}
		}
	}
	return Span{Start: Position{1, 1}, End: Position{1, 1}}
}

// tokenSpan spans the first token of node: a scalar whole if it stands on one
// line, the indicator of a block scalar or flow collection, the first key or
// dash of a block collection, and the anchor or tag of what begins below it.
func (t sourceText) tokenSpan(node *yaml.Node) Span {
	line := t.line(node.Line)
	text := line.text[line.offset(node.Column):]
	rest := trimProperties(text)
	at := Position{node.Line, max(node.Column, 1) + utf8.RuneCountInString(text[:len(text)-len(rest)])}
	length := utf8.RuneCountInString(rest[:tokenLength(node, rest)])
	return Span{Start: at, End: Position{at.Line, at.Column + length}}
}

// trimProperties drops the anchor and tag in front of a node's content, unless
// the content only begins on the next line.
func trimProperties(text string) string {
	for strings.HasPrefix(text, "&") || strings.HasPrefix(text, "!") {
		i := strings.IndexAny(text, " \t")
		if i < 0 {
			return text
		}
		rest := strings.TrimLeft(text[i:], " \t")
		if rest == "" || rest[0] == '#' {
			return text
		}
		text = rest
	}
	return text
}

// tokenLength is the length in bytes of node's first token, which rest begins with.
func tokenLength(node *yaml.Node, rest string) int {
	switch {
	case rest == "":
		return 0
	case rest[0] == '&' || rest[0] == '!': // the content begins on a later line
		return wordLength(rest)
	case node.Kind == yaml.MappingNode && len(node.Content) > 0 && node.Style&yaml.FlowStyle == 0:
		return tokenLength(node.Content[0], rest)
	case node.Kind == yaml.MappingNode || node.Kind == yaml.SequenceNode:
		return 1
	case node.Kind == yaml.AliasNode:
		return 1 + wordLength(rest[1:])
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return wordLength(rest)
	case rest[0] == '"' || rest[0] == '\'':
		return quotedLength(rest)
	case strings.HasPrefix(rest, node.Value):
		return len(node.Value)
	default: // a plain scalar that goes on in the next line
		return len(strings.TrimRight(rest, " \t"))
	}
}

// wordLength is the length up to the next blank or flow indicator.
func wordLength(text string) int {
	if i := strings.IndexAny(text, " \t,]}"); i >= 0 {
		return i
	}
	return len(text)
}

// quotedLength is the length of the quoted scalar that text begins with, both
// quotes included, or of all of text if it ends on a later line.
func quotedLength(text string) int {
	quote := text[0]
	for i := 1; i < len(text); i++ {
		switch {
		case quote == '"' && text[i] == '\\':
			i++
		case text[i] == quote && quote == '\'' && strings.HasPrefix(text[i+1:], "'"):
			i++
		case text[i] == quote:
			return i + 1
		}
	}
	return len(text)
}
