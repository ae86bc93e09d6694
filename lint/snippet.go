package lint

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// A Snippet is the line of a file that a finding is about, as far as it may
// be shown: keys and harmless values, a mask for every other value, and no
// comment. Start and End count runes of Text, and End is after the last one
// that is meant. An empty Text means that there is nothing to show.
type Snippet struct {
	Text       string
	Start, End int
}

const (
	masked   = "•••"
	cut      = '…'
	keptEach = 100 // columns that are kept before and behind the place
)

// A token is a scalar, an alias or a key on one line, in columns from 0. It is
// shown up to a column, and masked from there on.
type token struct{ start, shown, end int }

// A masker makes the snippets of one document. It keeps the last line that it
// was asked for, as findings come in the order of their place.
type masker struct {
	doc    *schemas.Document
	lines  []string
	tokens map[int][]token // by line, from 1
	line   int
	runes  []rune
}

func newMasker(doc *schemas.Document) *masker {
	m := &masker{doc: doc, lines: doc.Lines(), tokens: map[int][]token{}}
	if doc.Root != nil {
		everyScalar(doc.Root, m.add)
	}
	m.sort()
	if doc.Expansion != nil {
		m.addPlaceholders(doc.Expansion.Placeholders)
	}
	return m
}

func (m *masker) sort() {
	for _, tokens := range m.tokens {
		slices.SortFunc(tokens, byStart)
	}
}

// addPlaceholders notes those of variables that are part of no token, as one
// that is empty has left none behind.
func (m *masker) addPlaceholders(all []schemas.Placeholder) {
	for _, p := range all {
		if p.Span.Start.Column < 1 {
			continue // what cannot be read has no places
		}
		t := token{start: p.Span.Start.Column - 1, shown: p.Span.Start.Column - 1, end: p.Span.End.Column - 1}
		tokens := m.tokens[p.Span.Start.Line]
		i, _ := slices.BinarySearchFunc(tokens, token{start: t.start + 1}, byStart)
		if i == 0 || tokens[i-1].end <= t.start {
			m.tokens[p.Span.Start.Line] = slices.Insert(tokens, i, t)
		}
	}
}

// addSnippets gives each finding the line of doc that it is about.
func addSnippets(doc *schemas.Document, findings []Finding) {
	m := newMasker(doc)
	for i := range findings {
		f := &findings[i]
		if f.Outside {
			continue // whose lines nobody knows how to mask
		}
		f.Snippet = m.snippet(f.Span)
		for j := range f.Related {
			f.Related[j].Snippet = m.snippet(f.Related[j].Span)
		}
	}
}

// add notes the token of a node, whatever its key, of which so many bytes may be shown. They are
// only if they stand there as they are: an escape, a fold or a wrong place
// masks the whole token.
func (m *masker) add(_, node *yaml.Node, harmless int) {
	span := m.doc.Span(node)
	t := token{start: span.Start.Column - 1, shown: span.Start.Column - 1, end: span.End.Column - 1}
	m.load(span.Start.Line)
	if t.end = min(t.end, len(m.runes)); t.start >= t.end {
		return
	}
	if text := string(m.runes[t.start:t.end]); harmless > 0 {
		quote := len(text) - len(strings.TrimLeft(text, `"'`))
		if text == node.Value || (quote == 1 && text[1:] == node.Value+text[:1]) {
			t.shown += quote + len([]rune(node.Value[:harmless]))
			if harmless == len(node.Value) {
				t.shown = t.end
			}
		}
	}
	m.tokens[span.Start.Line] = append(m.tokens[span.Start.Line], t)
}

// load makes line n the one that runes are of.
func (m *masker) load(n int) {
	if n == m.line {
		return
	}
	m.line, m.runes = n, nil
	if n >= 1 && n <= len(m.lines) {
		m.runes = []rune(m.lines[n-1])
	}
}

// snippet masks the line on which span begins.
func (m *masker) snippet(span schemas.Span) Snippet {
	m.load(span.Start.Line)
	from, to := span.Start.Column-1, span.End.Column-1
	if span.End.Line != span.Start.Line {
		to = len(m.runes)
	}
	from = min(from, len(m.runes))
	to = min(max(to, from), len(m.runes))
	p := painter{runes: m.runes, from: from, to: to, at: max(from-keptEach, 0), limit: min(to+keptEach, len(m.runes))}
	p.begin()
	tokens := m.tokens[m.line]
	first, _ := slices.BinarySearchFunc(tokens, token{start: p.at}, byStart)
	for _, t := range tokens[max(first-1, 0):] {
		if t.start >= p.limit || !p.between(t.start) {
			break
		}
		p.show(t.shown)
		p.hide(t.end)
	}
	return p.end()
}

func byStart(a, b token) int { return cmp.Compare(a.start, b.start) }
