package lint_test

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A setting is where a scalar stands, which bounds how it may be written.
type setting int

const (
	valueOfBlock setting = iota
	keyOfBlock
	inFlow
	keyOfFlow
)

// scalar writes one in a way that is open to it there.
func (a *author) scalar(n *planted, indent int, where setting) {
	if n.kind == yaml.AliasNode {
		n.from, n.to = a.token("*" + n.alias.anchor + " ")
		n.to--
		return
	}
	if where == keyOfBlock || where == keyOfFlow {
		a.properties(n)
	}
	if n.tag == "!!null" && where == inFlow {
		n.value = "~" // nothing at all is no item there
	}
	if n.tag == "!!null" || n.value == "<<" || n.simple {
		a.place(n, n.value)
		return
	}
	key := where == keyOfBlock || where == keyOfFlow
	flow := where == inFlow || where == keyOfFlow
	switch a.of(6) {
	case 0, 1:
		if isPlain(n.value, flow) {
			a.plain(n, indent, key)
			return
		}
		fallthrough
	case 2:
		a.folded(n, "'"+strings.ReplaceAll(n.value, "'", "''")+"'", indent, key)
	case 3:
		a.folded(n, a.escaped(n.value), indent, key)
	default:
		if where != valueOfBlock || n.value == "" || strings.Contains(n.value, "${ML}") || strings.HasPrefix(n.value, " ") {
			a.folded(n, a.escaped(n.value), indent, key)
			return
		}
		a.text(n, indent)
	}
}

// isPlain reports whether a text may stand without quotes.
func isPlain(text string, flow bool) bool {
	switch {
	case meant(text) == "" || strings.Contains(text, "${ML}") || strings.ContainsAny(text[:1], "?:,[]{}#&*!|>'\"%@`~ ") || strings.HasPrefix(text, "-----"):
		return false
	case strings.Contains(text, ": ") || strings.Contains(text, " #") || strings.HasSuffix(text, ":"):
		return false
	}
	return !flow || !strings.ContainsAny(text, ",[]{}")
}

// plain writes a text without quotes, on one line or on two.
func (a *author) plain(n *planted, indent int, key bool) {
	first, rest, split := strings.Cut(n.value, " ")
	if !split || key || !a.oneIn(2) {
		a.place(n, n.value)
		return
	}
	a.place(n, first)
	a.write(pick(a.choices, []string{"", " ", "\t"}))
	a.newline()
	a.write(strings.Repeat(" ", indent+1) + rest)
}

// folded writes a quoted text, on one line or on two. The first line is the
// token then, with all that it holds.
func (a *author) folded(n *planted, text string, indent int, key bool) {
	first, rest, split := strings.Cut(text, " ")
	if !split || key || !a.oneIn(2) {
		a.place(n, text)
		return
	}
	a.place(n, first+pick(a.choices, []string{"", " "}))
	a.newline()
	a.write(strings.Repeat(" ", indent+1) + rest)
}

// escaped writes a text in double quotes, with more escapes than it needs.
func (a *author) escaped(text string) string {
	var out strings.Builder
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out.WriteString(`\` + string(r))
		case r != ' ' && !strings.Contains(text, "$") && len(a.left) > 0 && a.oneIn(9):
			fmt.Fprintf(&out, `\U%08x`, r)
		default:
			out.WriteRune(r)
		}
	}
	return `"` + out.String() + `"`
}

// text writes a block of text, and leaves a sign that its line has ended.
func (a *author) text(n *planted, indent int) {
	deeper := indent + 1
	a.place(n, pick(a.choices, []string{"|-", ">-", "|", ">", "|+"}))
	a.comment()
	a.newline()
	a.write(strings.Repeat(" ", deeper) + n.value)
	a.newline()
	a.write("\x00")
}
