package lint

import (
	"slices"
	"strings"
	"unicode"
)

// A painter copies one line from left to right. What is between two tokens
// has no say of its own: it is indentation, punctuation, an anchor, a tag, or
// a part of a text that began on an earlier line.
type painter struct {
	runes     []rune
	from, to  int // the place, in columns
	at, limit int // the next column, and the one to stop at
	out       []rune
	snippet   Snippet
}

func (p *painter) begin() {
	if p.at > 0 {
		p.out = append(p.out, cut)
	}
	p.snippet.Start = -1
}

// between copies what precedes the token at column; false if a comment does.
func (p *painter) between(column int) bool {
	gap := p.runes[min(p.at, column):min(column, p.limit)]
	comment := slices.IndexFunc(gap, func(r rune) bool { return r == '#' })
	if comment > 0 && gap[comment-1] != ' ' && gap[comment-1] != '\t' {
		comment = -1
	}
	if comment >= 0 {
		gap = gap[:comment]
	}
	end := p.at + len(gap)
	first := slices.IndexFunc(gap, isText)
	if first >= 0 {
		last := len(gap) - 1
		for !isText(gap[last]) {
			last--
		}
		stop := p.at + last + 1
		p.show(p.at + first)
		p.hide(stop)
	}
	p.show(end)
	return comment < 0
}

// isText reports whether a rune between two tokens may be part of a value.
func isText(r rune) bool { return !strings.ContainsRune(" \t-:?,[]{}", r) }

// show copies up to a column, with a blank for each tab and a mark for what a
// terminal would not print.
func (p *painter) show(column int) {
	for ; p.at < min(column, p.limit); p.at++ {
		r := p.runes[p.at]
		switch {
		case r == '\t':
			r = ' '
		case !unicode.IsPrint(r):
			r = unicode.ReplacementChar
		}
		p.mark(1)
		p.out = append(p.out, r)
	}
}

// hide puts one mask in place of everything up to a column.
func (p *painter) hide(column int) {
	if column = min(column, p.limit); p.at >= column {
		return
	}
	mask := []rune(masked)
	for ; p.at < column; p.at++ {
		p.mark(len(mask))
	}
	p.out = append(p.out, mask...)
}

// mark notes the place, if the next column is in it: that column comes out as
// the next so many runes.
func (p *painter) mark(width int) {
	if p.from == p.to && p.at == p.from && p.snippet.Start < 0 {
		p.snippet.Start, p.snippet.End = len(p.out), len(p.out)
	}
	if p.at < p.from || p.at >= p.to {
		return
	}
	if p.snippet.Start < 0 {
		p.snippet.Start = len(p.out)
	}
	p.snippet.End = len(p.out) + width
}

func (p *painter) end() Snippet {
	p.between(p.limit)
	p.snippet.Text = strings.TrimRight(string(p.out), " ")
	if p.limit < len(p.runes) {
		p.snippet.Text += string(cut)
	}
	length := len([]rune(p.snippet.Text))
	if p.snippet.Start < 0 { // nothing of the place is left: it is empty, or a comment
		p.snippet.Start, p.snippet.End = length, length
	}
	p.snippet.Start, p.snippet.End = min(p.snippet.Start, length), min(p.snippet.End, length)
	if strings.TrimSpace(p.snippet.Text) == "" {
		return Snippet{}
	}
	return p.snippet
}
