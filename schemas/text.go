package schemas

import (
	"bytes"
	"slices"
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
	start int   // in bytes from the start of the text, the byte order mark left out
	marks []int // where every markEach-th column begins; nil if each column is a byte
	odd   bool  // it ends with a break that editors do not show as one
}

// markEach bounds how far a column is looked for: a file may be one long line.
const markEach = 64

func newSourceLine(text string, start int) sourceLine {
	line := sourceLine{text: text, start: start}
	if strings.IndexFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) < 0 {
		return line
	}
	column := 0
	for i := range text {
		if column%markEach == 0 {
			line.marks = append(line.marks, i)
		}
		column++
	}
	return line
}

// offset returns where in the text a column begins, at most its end.
func (l sourceLine) offset(column int) int {
	if l.marks == nil {
		return min(max(column-1, 0), len(l.text))
	}
	column = max(column-1, 0)
	mark := min(column/markEach, len(l.marks)-1)
	column -= mark * markEach
	for i := range l.text[l.marks[mark]:] {
		if column == 0 {
			return l.marks[mark] + i
		}
		column--
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
	lines := make([]sourceLine, 0, strings.Count(text, "\n")+1)
	length := len(text)
	for len(text) > 0 {
		i := strings.IndexAny(text, "\r\n\u0085\u2028\u2029")
		if i < 0 {
			break
		}
		line := newSourceLine(text[:i], length-len(text))
		_, width := utf8.DecodeRuneInString(text[i:])
		if strings.HasPrefix(text[i:], "\r\n") {
			width = 2
		} else {
			line.odd = text[i] != '\n'
		}
		lines = append(lines, line)
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

// Lines returns the text of the file, split where spans count lines.
func (d *Document) Lines() []string { return d.file().strings() }

// ParsedLines returns the text that was parsed, split where nodes count
// lines. It differs from [Document.Lines] where variables were put in.
func (d *Document) ParsedLines() []string { return d.text().strings() }

// OddBreak spans the end of the first line that ends with a line break that
// editors do not show as one; ok is false if all are LF or CRLF.
func (d *Document) OddBreak() (at Span, ok bool) {
	if !mayHaveOddBreak(d.Bytes()) {
		return Span{}, false
	}
	i := slices.IndexFunc(d.file().lines, func(l sourceLine) bool { return l.odd })
	if i < 0 {
		return Span{}, false
	}
	end := Position{i + 1, utf8.RuneCountInString(d.file().lines[i].text) + 1}
	return Span{end, end}, true
}

// PlainUTF8 reports whether the file is UTF-8 without a byte order mark.
func (d *Document) PlainUTF8() bool {
	return !slices.ContainsFunc([]string{"\ufeff", "\xff\xfe", "\xfe\xff"}, func(mark string) bool {
		return bytes.HasPrefix(d.Bytes(), []byte(mark))
	})
}

// Bytes returns the bytes of the file, before variables were put in.
func (d *Document) Bytes() []byte {
	if d.Expansion != nil {
		return d.Expansion.source
	}
	return d.Source
}

// mayHaveOddBreak saves splitting a file into lines that has no odd break. In
// UTF-16, which begins with a byte that UTF-8 never has, each may be one.
func mayHaveOddBreak(source []byte) bool {
	utf16 := len(source) > 0 && source[0] >= 0xfe
	return utf16 || slices.ContainsFunc([]string{"\r", "\u0085", "\u2028", "\u2029"}, func(mark string) bool {
		return bytes.Contains(source, []byte(mark))
	})
}

func (t sourceText) strings() []string {
	lines := make([]string, len(t.lines))
	for i, l := range t.lines {
		lines[i] = l.text
	}
	return lines
}

// slice returns the text of a span on one line.
func (t sourceText) slice(s Span) string {
	line := t.line(s.Start.Line)
	from := line.offset(s.Start.Column)
	return line.text[from:max(from, line.offset(s.End.Column))]
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
// line, the indicator of a block scalar or flow collection, the first key, `?` or
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
	case node.Kind == yaml.MappingNode && (rest == "?" || strings.HasPrefix(rest, "? ")): // of an explicit key
		return 1
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
