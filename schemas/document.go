package schemas

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Document is one YAML (or JSON) file, parsed once: its tree, and the text
// that the tree's positions point into. It is not modified after parsing.
type Document struct {
	Path      string            // as the user named it
	Source    []byte            // what was parsed: the bytes as read, or as expanded
	Root      *yaml.Node        // of the first YAML document; nil if the file is empty
	Expansion *Expansion        // of variables in the file; nil if none were asked for
	text      func() sourceText // of Source, which the nodes point into
	file      func() sourceText // what spans point into
}

// ParseDocument parses the first YAML document of source; as in the Piko
// agent, nothing after it is looked at. A syntax error is a [*Fault]; another
// error is [ErrTooManyValues].
func ParseDocument(path string, source []byte) (*Document, error) {
	text := lazyText(source)
	return parse(&Document{Path: path, Source: source, text: text, file: text})
}

// ParseExpanded parses a text in which variables were put in place. All
// positions are those of the file: what is wrong within a variable stands at
// its placeholder.
func ParseExpanded(path string, e *Expansion) (*Document, error) {
	return parse(&Document{
		Path: path, Source: e.Text, Expansion: e,
		text: lazyText(e.Text), file: lazyText(e.source),
	})
}

func parse(doc *Document) (*Document, error) {
	if err := checkValues(doc.Source); err != nil {
		return nil, fmt.Errorf("read %s: %w", doc.Path, err)
	}
	var node yaml.Node
	err := yaml.NewDecoder(bytes.NewReader(doc.Source)).Decode(&node)
	switch {
	case errors.Is(err, io.EOF):
		return doc, nil
	case err != nil:
		return nil, doc.syntaxFault(err)
	case node.Kind == yaml.DocumentNode && len(node.Content) > 0:
		doc.Root = node.Content[0]
	}
	return doc, nil
}

// yamlLine finds the line in an error message of the YAML parser, which has
// no other way to tell it.
var yamlLine = regexp.MustCompile(`^(?:yaml: )?line (\d+): `)

// syntaxFault places a parser's error on its line, or on the first byte that
// no YAML file may hold where the parser names no line.
func (d *Document) syntaxFault(err error) *Fault {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	span := d.text().firstForbidden()
	if m := yamlLine.FindStringSubmatch(message); m != nil {
		line, _ := strconv.Atoi(m[1])
		span = d.text().wholeLine(line)
		message = message[len(m[0]):]
	}
	if strings.HasPrefix(message, "unknown anchor") { // the parser quotes it, and it may be a secret after a stray *
		message = "an alias names no anchor"
	}
	return &Fault{
		Path: d.Path, Span: d.Origin(span),
		Message: "not YAML: " + message,
		Remedy:  "check indentation, quotes and tabs on this line and the one before",
	}
}

// typeFault places the first complaint of the YAML decoder on its line. The
// decoder's own words are left out, as they quote values.
func (d *Document) typeFault(kind Kind, err error) *Fault {
	span := d.text().wholeLine(1)
	var types *yaml.TypeError
	if errors.As(err, &types) && len(types.Errors) > 0 {
		if m := yamlLine.FindStringSubmatch(types.Errors[0]); m != nil {
			line, _ := strconv.Atoi(m[1])
			span = d.text().wholeLine(line)
		}
	}
	return &Fault{
		Path: d.Path, Span: d.Origin(span), Message: fmt.Sprintf("this value cannot be read as part of a %s", kind),
		Remedy: fmt.Sprintf("`lockstep schema %s` prints what belongs here", kind),
	}
}

// Span returns where node stands: its first token, from its first character
// to the one after its last.
func (d *Document) Span(node *yaml.Node) Span {
	if node == nil {
		return Span{Start: Position{1, 1}, End: Position{1, 1}}
	}
	return d.Origin(d.text().tokenSpan(node))
}

// Origin translates a span of the text that was parsed into one of the file,
// which differ where variables were put in. It stays on one line.
func (d *Document) Origin(s Span) Span {
	if d.Expansion == nil {
		return s
	}
	s = Span{d.Expansion.start(s.Start), d.Expansion.end(s.End)}
	lines := d.file().lines
	if s.Start.Line > len(lines) {
		s.Start.Line = len(lines)
	}
	if s.End.Line != s.Start.Line || s.End.Column < s.Start.Column {
		s.End = Position{s.Start.Line, max(s.Start.Column, d.file().wholeLine(s.Start.Line).End.Column)}
	}
	return s
}

// Expanded reports whether a variable stands in the scalar node, or may do:
// of one that goes on in the next line only the first token is known.
func (d *Document) Expanded(node *yaml.Node) bool {
	if d.Expansion == nil || len(d.Expansion.Placeholders) == 0 || node == nil {
		return false
	}
	span := d.text().tokenSpan(node)
	return d.Expansion.touches(span) || !strings.Contains(d.text().slice(span), node.Value)
}

// Name is what a message may call a scalar node: its value, but where a
// variable was put in, which may be a secret, the text in the file.
func (d *Document) Name(node *yaml.Node) string {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if d.Expanded(node) {
		return d.file().slice(d.Span(node))
	}
	return node.Value
}

// Fault returns an error placed at node.
func (d *Document) Fault(node *yaml.Node, message, remedy string) *Fault {
	return &Fault{Path: d.Path, Span: d.Span(node), Message: message, Remedy: remedy}
}

// A Fault is an error with a place in a document. Its text never quotes a
// value of the document, which may be a secret.
type Fault struct {
	Path    string
	Span    Span
	Message string
	Remedy  string // what to do about it; may be empty
}

// Error implements [error] as path:line:column: message.
func (f *Fault) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.Path, f.Span.Start.Line, f.Span.Start.Column, f.Message)
}

// Unwrap makes the remedy visible to [Hints].
func (f *Fault) Unwrap() error {
	if f.Remedy == "" {
		return nil
	}
	return &hintError{error: nil, hint: f.Remedy}
}

// A Position is a place in a file. Both numbers count from 1; a column is one
// Unicode code point, a tab counts as one.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// A Span is a stretch of text; End is the position after its last character.
type Span struct {
	Start Position `json:"start"`
	End   Position `json:"end"`
}

// compare orders positions as they follow each other in a file.
func (p Position) compare(other Position) int {
	return cmp.Or(cmp.Compare(p.Line, other.Line), cmp.Compare(p.Column, other.Column))
}
