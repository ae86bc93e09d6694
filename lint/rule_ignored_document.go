package lint

import (
	"bytes"
	"strings"

	"lockstep/schemas"
)

// ignoredDocument is P006.
func ignoredDocument() Rule {
	return Rule{
		ID:    "P006",
		Slug:  "ignored-document",
		Title: "what follows the first document is never read",
		Doc: "The agent reads the first YAML document of a file and nothing after it, not even to check its syntax. " +
			"Listeners below a `---` or `...` do not exist.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check:  checkIgnoredDocument,
	}
}

func checkIgnoredDocument(p *Pass) {
	if p.document == nil || p.document.Root == nil || !mayGoOn(p.document.Source) {
		return
	}
	lines := p.document.ParsedLines()
	end := documentEnd(p.document, lines)
	if end < len(lines) && holdsContent(lines[end:]) {
		at := schemas.Position{Line: end + 1, Column: 1}
		p.at(p.document.Origin(schemas.Span{Start: at, End: schemas.Position{Line: at.Line, Column: 4}}), "",
			"the agent reads nothing from here on", "delete it, or move it to a file of its own")
	}
}

// mayGoOn saves splitting a file into lines that has no marker after its
// first three bytes. In UTF-16, every other byte of a marker is a zero.
func mayGoOn(source []byte) bool {
	rest := source[min(len(source), 3):]
	return bytes.Contains(rest, []byte("---")) || bytes.Contains(rest, []byte("...")) || bytes.IndexByte(source, 0) >= 0
}

// documentEnd is the index of the line that ends the first document: a marker
// in the first column, which not even a block of text may contain. A document
// without content is placed by the parser where the next one starts.
func documentEnd(doc *schemas.Document, lines []string) int {
	first := doc.Root.Line // as an index: the line below
	if blank(doc) && doc.Root.Value == "" {
		first--
	}
	for i := first; i < len(lines); i++ {
		if isMarker(lines[i]) {
			return i
		}
	}
	return len(lines)
}

func isMarker(line string) bool {
	for _, marker := range []string{"---", "..."} {
		if rest, ok := strings.CutPrefix(line, marker); ok {
			return rest == "" || rest[0] == ' ' || rest[0] == '\t'
		}
	}
	return false
}

// holdsContent reports whether lines hold more than markers and comments.
func holdsContent(lines []string) bool {
	for _, line := range lines {
		if isMarker(line) {
			line = line[3:]
		}
		line = strings.TrimSpace(line)
		if line != "" && line[0] != '#' {
			return true
		}
	}
	return false
}
