package lint_test

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An author writes a config down, each part in one of the ways that YAML has
// for it, and notes where the tokens come to stand.
type author struct {
	*choices
	out    strings.Builder
	breaks []string // to choose from
	marks  []mark   // of findings about the text itself
	expand bool
	bare   bool // only blanks may follow on this line, no tab
}

// A mark is the place that a finding of a rule has to have.
type mark struct {
	rule     string
	from, to int
}

func (a *author) write(text string) { a.out.WriteString(text) }

// token writes a token and returns where it stands.
func (a *author) token(text string) (from, to int) {
	from = a.out.Len()
	a.write(text)
	return from, a.out.Len()
}

// newline ends a line. A lone CR before a LF would be one break with it.
func (a *author) newline() {
	text := pick(a.choices, a.breaks)
	if text == "\n" && strings.HasSuffix(a.out.String(), "\r") {
		text = "\r"
	}
	if text != "\n" && text != "\r\n" && !a.marked("P012") {
		a.marks = append(a.marks, mark{"P012", a.out.Len(), a.out.Len()})
	}
	a.write(text)
}

func (a *author) marked(rule string) bool {
	for _, m := range a.marks {
		if m.rule == rule && m.from > 0 {
			return true
		}
	}
	return false
}

// comment may end a line, and may be a suppression that is not in force.
func (a *author) comment() {
	blanks := []string{" ", "  ", "\t", "\t "}
	if a.bare {
		blanks = blanks[:2]
	}
	if !a.oneIn(4) {
		a.write(pick(a.choices, append(blanks, "")))
		return
	}
	a.write(pick(a.choices, blanks))
	switch a.of(4) {
	case 0:
		if a.expand {
			a.write("# 日本 ")
			from, to := a.token("${COMMENT}")
			a.marks = append(a.marks, mark{"E505", from, to})
			return
		}
		fallthrough
	case 1:
		a.write("# " + pick(a.choices, []string{"why", "日本 e\u0301", `"{[ '`, "*a &b", "\U0001f600: x", strings.Repeat("long ", 20)}))
	case 2:
		from, to := a.token("# lockstep:ignore")
		a.write("[T201] until=2026-12-01")
		a.marks = append(a.marks, mark{"M602", from, to})
	case 3:
		a.write(`# lockstep:ignore[ `)
		from, to := a.token("T999")
		a.write(`] reason="日本" until=2026-12-01`)
		a.marks = append(a.marks, mark{"M603", from, to})
	}
}

func (a *author) endLine() {
	a.comment()
	a.newline()
	if a.oneIn(8) {
		a.write(pick(a.choices, []string{"", "# x", "    # y"}))
		a.newline()
	}
}

// block writes a collection whose first line begins where the pen is: at
// column indent if fresh.
func (a *author) block(n *planted, indent int, fresh bool) {
	for i, item := range n.items {
		if i > 0 || fresh {
			a.write(strings.Repeat(" ", indent))
		}
		from, to := a.token("-")
		n.first(from, to)
		a.after(item, indent, "-")
	}
	for i, e := range n.entries {
		if i > 0 || fresh {
			a.write(strings.Repeat(" ", indent))
		}
		before := ":"
		if a.oneIn(12) {
			before = "?"
			from, to := a.token("?")
			n.first(from, to)
			a.write(" ")
			a.scalar(e.key, indent, keyOfBlock)
			a.endLine()
			a.write(strings.Repeat(" ", indent))
		} else {
			a.scalar(e.key, indent, keyOfBlock)
			n.first(e.key.from, e.key.to)
			a.write(pick(a.choices, []string{"", "", " "}))
		}
		a.write(":")
		a.after(e.value, indent, before)
	}
}

// first notes the first token of a collection.
func (n *planted) first(from, to int) {
	if n.to == 0 {
		n.from, n.to = from, to
	}
}

// after writes the value behind an indicator, to the end of its last line.
func (a *author) after(n *planted, indent int, indicator string) {
	blanks := []string{" ", "  "}
	if indicator == ":" {
		blanks = append(blanks, "\t", " \t")
	}
	if n.tag == "!!null" && n.value == "" { // which stands right behind its dash
		n.from, n.to = a.token("")
		a.bare = true
		a.endLine()
		a.bare = false
		return
	}
	isBlock := len(n.items)+len(n.entries) > 0 && !n.flow
	if isBlock && indicator == "-" && n.anchor+n.tag == "" && a.oneIn(2) {
		width := 1 + a.of(3)
		a.write(strings.Repeat(" ", width))
		a.block(n, indent+1+width, false)
		return
	}
	if !isBlock || n.anchor+n.tag != "" {
		a.write(pick(a.choices, blanks))
	}
	deeper := indent + 1 + a.of(4)
	a.properties(n)
	switch {
	case isBlock:
		a.bare = indicator != ":" && n.anchor == "" && (n.tag == "" || n.isNull())
		a.endLine()
		a.bare = false
		if indicator == ":" && len(n.items) > 0 && a.oneIn(2) {
			deeper = indent
		}
		a.block(n, deeper, true)
		return
	case n.kind == yaml.ScalarNode:
		a.belowOrHere(n, deeper, indicator)
		a.scalar(n, deeper, valueOfBlock)
	default:
		a.belowOrHere(n, deeper, indicator)
		a.inFlow(n, deeper)
	}
	if !strings.HasSuffix(a.out.String(), "\x00") {
		a.endLine()
		return
	}
	text := strings.TrimSuffix(a.out.String(), "\x00") // a block of text has ended its line
	a.out.Reset()
	a.write(text)
}

// belowOrHere may move what has properties, or is a value, to the next line.
func (a *author) belowOrHere(n *planted, indent int, indicator string) {
	if n.kind == yaml.AliasNode || !a.oneIn(10) {
		return
	}
	a.bare = indicator != ":" && n.anchor == "" && (n.tag == "" || n.isNull())
	a.endLine()
	a.bare = false
	a.write(strings.Repeat(" ", max(indent, 1)))
}

// properties writes an anchor and a tag. They are the first token where the
// content begins on another line, so the last of them is noted.
func (a *author) properties(n *planted) {
	all := []string{n.tag}
	if n.tag == "!!null" {
		all = nil
	}
	if n.anchor != "" {
		all = append(all, "&"+n.anchor)
	}
	for _, text := range all {
		if text != "" {
			n.from, n.to = a.token(text)
			a.write(" ")
		}
	}
}

var lineBreaks = regexp.MustCompile("\r\n|[\r\n\u0085\u2028\u2029]")

// inFlow writes a value between brackets, or one in it.
func (a *author) inFlow(n *planted, indent int) {
	if n.kind == yaml.AliasNode {
		n.from, n.to = a.token("*" + n.alias.anchor)
		return
	}
	if n.kind == yaml.ScalarNode {
		a.scalar(n, indent, inFlow)
		return
	}
	open, end := "{", "}"
	if n.kind == yaml.SequenceNode {
		open, end = "[", "]"
	}
	a.place(n, open)
	for i, item := range n.items {
		a.comma(i, indent)
		a.properties(item)
		a.inFlow(item, indent)
	}
	for i, e := range n.entries {
		a.comma(i, indent)
		a.scalar(e.key, indent, keyOfFlow)
		a.write(": ")
		a.properties(e.value)
		a.inFlow(e.value, indent)
	}
	a.gap(indent)
	a.write(end)
}

func (a *author) comma(i, indent int) {
	if i > 0 {
		a.write(pick(a.choices, []string{",", " ,"}))
	}
	a.gap(indent)
}

// gap writes white space between tokens in brackets.
func (a *author) gap(indent int) {
	a.write(pick(a.choices, []string{" ", "", "\t", "  "}))
	if a.oneIn(8) {
		a.write(" ")
		a.endLine()
		a.write(strings.Repeat(" ", indent+1))
	}
}

// place writes the token that n begins with. Where properties stand on a line
// above, the last of these is the token.
func (a *author) place(n *planted, text string) {
	before := n.to
	from, to := a.token(text)
	if before == 0 || !lineBreaks.MatchString(a.out.String()[before:from]) {
		n.from, n.to = from, to
	}
}

func (a *author) String() string { return fmt.Sprintf("%q", a.out.String()) }
