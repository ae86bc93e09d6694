package lint

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// A mark is where a comment begins to be a suppression.
type mark struct {
	line int
	span schemas.Span // of `# lockstep:ignore`
	rest string       // of the line
}

var suppressionMark = regexp.MustCompile(`#[ \t]*(lockstep:[ \t]*ignore)\b`)

// commentMarks finds the first mark in each comment. What only looks like one
// is part of a value, in a block of text or between quotes: there another
// text in its place gives another value, and in a comment it does not. So the
// parser itself tells them apart.
func commentMarks(lines []string) []mark {
	var marks []mark
	var probe strings.Builder
	for i, line := range lines {
		from := 0
		for _, place := range suppressionMark.FindAllStringSubmatchIndex(line, -1) {
			fmt.Fprint(&probe, line[from:place[2]], placeholder(len(marks)))
			from = place[3]
			marks = append(marks, mark{line: i + 1, span: columnSpan(i+1, line, place[0], place[3]), rest: line[from:]})
		}
		fmt.Fprintln(&probe, line[from:])
	}
	if len(marks) == 0 {
		return nil
	}
	values := values(probe.String())
	var inComments []mark
	for i, m := range marks {
		if first := len(inComments) == 0 || inComments[len(inComments)-1].line < m.line; first && !strings.Contains(values, placeholder(i)) {
			inComments = append(inComments, m)
		}
	}
	return inComments
}

func placeholder(i int) string { return fmt.Sprintf("lockstep.%d.", i) }

// values returns all that a parser reads from a document, comments left out.
// It is called for what has been parsed before, and returns everything if it
// cannot be parsed with other words in its comments.
func values(source string) string {
	var root yaml.Node
	if err := yaml.NewDecoder(strings.NewReader(source)).Decode(&root); err != nil {
		return source
	}
	var all strings.Builder
	var walk func(*yaml.Node)
	walk = func(node *yaml.Node) {
		fmt.Fprintln(&all, node.Anchor, node.Tag, node.Value)
		for _, child := range node.Content {
			walk(child)
		}
	}
	walk(&root)
	return all.String()
}

// columnSpan spans the bytes from start to end of a line.
func columnSpan(number int, line string, start, end int) schemas.Span {
	return schemas.Span{
		Start: schemas.Position{Line: number, Column: utf8.RuneCountInString(line[:start]) + 1},
		End:   schemas.Position{Line: number, Column: utf8.RuneCountInString(line[:end]) + 1},
	}
}
