package schemas

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// expandedLimit is the size in bytes up to which a text may grow: a few lines
// that name a long variable again and again must not fill the memory.
const expandedLimit = 4 << 20

// An Expansion is a text in which variables stand in the place of their
// placeholders, and knows where each of them came from.
type Expansion struct {
	Text         []byte // what the YAML parser reads
	Placeholders []Placeholder
	source       []byte // what the file holds
	unplaced     bool   // the placeholders have no positions
}

// A Placeholder is a `$NAME`, `${NAME}` or `${NAME:default}` in a text, or
// what the agent takes for one and eats: `${}`, `$$`, an unclosed `${`.
type Placeholder struct {
	Name       string // of the variable; empty in `${}` and in an unclosed `${`
	Default    string // used where the variable is unset or empty
	HasDefault bool
	Braced     bool
	Unclosed   bool   // nothing but `${`
	InWord     bool   // a letter or digit stands right before it
	Set        bool   // the variable is there and not empty
	Value      Secret // what stands in its place now, the default included
	Span       Span   // in the file, up to the end of its first line at most
	source     stretch
	text       stretch
}

// A stretch is where a placeholder or what replaced it stands, in bytes and
// in positions.
type stretch struct {
	from, to   int
	start, end Position
}

// Expand puts variables in place as the Piko agent does with
// --config.expand-env: by Go's os.Expand on the whole text, comments
// included, before anything is parsed. An unset variable is empty, a default
// runs to the first closing brace, and nothing can be escaped. The only error
// is that the text becomes too large.
func Expand(source []byte, getenv func(name string) string) (*Expansion, error) {
	e := &Expansion{source: source}
	s := scanner{rest: source}
	for s.next() {
		p := s.placeholder
		value := ""
		if p.Name != "" {
			value = getenv(p.Name)
		}
		if p.Set = value != ""; !p.Set {
			value = p.Default
		}
		e.Text = append(e.Text, s.before...)
		p.text.from = len(e.Text)
		e.Text = append(e.Text, value...)
		p.text.to = len(e.Text)
		p.Value = NewSecret([]byte(value))
		if len(e.Text) > expandedLimit {
			return nil, Hint(fmt.Errorf("with its variables put in it is larger than %d MiB", expandedLimit>>20),
				"shorten the variables that it names")
		}
		e.Placeholders = append(e.Placeholders, p)
	}
	e.Text = append(e.Text, s.rest...)
	e.locate()
	return e, nil
}

// Replace returns the text with other values in place of the placeholders.
func (e *Expansion) Replace(value func(i int) string) []byte {
	var text []byte
	done := 0
	for i, p := range e.Placeholders {
		text = append(text, e.source[done:p.source.from]...)
		text = append(text, value(i)...)
		done = p.source.to
	}
	return append(text, e.source[done:]...)
}

// mark finds the words that [Expansion.Commented] puts in.
var mark = regexp.MustCompile(`placeholder(\d+)x`)

// Commented tells of each placeholder whether it stands where nothing is
// read, as in a comment. It asks the parser, with a word in the place of each;
// of a text that is no YAML then, nothing is commented.
func (e *Expansion) Commented() []bool {
	commented := make([]bool, len(e.Placeholders))
	var doc yaml.Node
	text := e.Replace(func(i int) string { return fmt.Sprintf("placeholder%dx", i) })
	if len(e.Placeholders) == 0 || yaml.NewDecoder(bytes.NewReader(text)).Decode(&doc) != nil {
		return commented
	}
	for i := range commented {
		commented[i] = true
	}
	var read func(node *yaml.Node)
	read = func(node *yaml.Node) {
		for _, m := range mark.FindAllStringSubmatch(node.Value+" "+node.Tag+" "+node.Anchor, -1) {
			if i, err := strconv.Atoi(m[1]); err == nil && i < len(commented) {
				commented[i] = false
			}
		}
		for _, child := range node.Content {
			read(child)
		}
	}
	read(&doc)
	return commented
}

// A scanner finds one placeholder after the other.
type scanner struct {
	rest        []byte
	offset      int    // of rest in the source
	before      []byte // the text in front of the placeholder
	placeholder Placeholder
	unclosed    bool // no closing brace is left, so that nobody need look again
}

// next moves on to the next placeholder, if there is one.
func (s *scanner) next() bool {
	for at := 0; ; at++ {
		i := bytes.IndexByte(s.rest[at:], '$')
		if i < 0 || at+i+1 == len(s.rest) {
			return false
		}
		at += i
		p, width := s.read(s.rest[at+1:])
		if width == 0 { // a dollar sign before anything else stays
			continue
		}
		p.source.from = s.offset + at
		p.source.to = p.source.from + 1 + width
		p.InWord = at > 0 && isAlphanumeric(s.rest[at-1])
		s.placeholder, s.before = p, s.rest[:at]
		s.offset, s.rest = p.source.to, s.rest[at+1+width:]
		return true
	}
}

// read reads what follows a dollar sign, and how many bytes of it belong to
// the placeholder; none if it is no placeholder.
func (s *scanner) read(text []byte) (p Placeholder, width int) {
	if text[0] == '{' {
		return s.braced(text)
	}
	if isSpecial(text[0]) {
		return Placeholder{Name: string(text[:1])}, 1
	}
	for width < len(text) && isAlphanumeric(text[width]) {
		width++
	}
	return Placeholder{Name: string(text[:width])}, width
}

// braced reads what begins with an opening brace. Without a closing one the
// agent drops `${` alone.
func (s *scanner) braced(text []byte) (p Placeholder, width int) {
	p.Braced = true
	end := -1
	switch {
	case len(text) > 2 && isSpecial(text[1]) && text[2] == '}':
		end = 2
	case !s.unclosed:
		end = bytes.IndexByte(text, '}')
	}
	if end < 0 {
		s.unclosed, p.Unclosed = true, true
		return p, 1
	}
	p.Name, p.Default, p.HasDefault = strings.Cut(string(text[1:end]), ":")
	return p, end + 1
}

// isSpecial reports whether c alone is a name, as those of a shell's own
// variables.
func isSpecial(c byte) bool {
	return '0' <= c && c <= '9' || strings.IndexByte("*#$@!?-", c) >= 0
}

func isAlphanumeric(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
