package migrate

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxShown is how many characters of a name are shown.
const maxShown = 64

// printable makes a name that somebody else chose safe to show, and cuts it if
// it is long. A name that could be mistaken for another is quoted.
func printable(name string) string {
	if utf8.RuneCountInString(name) > maxShown {
		name = string([]rune(name)[:maxShown-1]) + "…"
	}
	if name == "" || strings.ContainsAny(name, `"\`) || strings.TrimSpace(name) != name {
		return strconv.Quote(name)
	}
	return visible(name)
}

// visible quotes text as in Go if it holds control or bidirectional
// characters, which could forge the output of a terminal.
func visible(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}

func printables(names []string) []string {
	shown := make([]string, len(names))
	for i, name := range names {
		shown[i] = printable(name)
	}
	return shown
}
