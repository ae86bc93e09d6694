package lint

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// underline returns the blanks and the caret that go below a snippet. Runes
// may be two columns wide, or none.
func (s Snippet) underline() (indent, caret string) {
	runes := []rune(s.Text)
	start, end := min(s.Start, len(runes)), min(s.End, len(runes))
	return strings.Repeat(" ", columns(runes[:start])), "^" + strings.Repeat("~", max(columns(runes[start:end])-1, 0))
}

// fit cuts a snippet to so many columns of a terminal, around its place.
func (s Snippet) fit(width int) Snippet {
	const least = 20 // a terminal that is narrower has to wrap
	width = max(width, least)
	runes := []rune(s.Text)
	if columns(runes) <= width {
		return s
	}
	left := 0
	for left < s.Start && columns(runes[left:min(s.End, len(runes))]) > width-2 {
		left++
	}
	right := len(runes)
	for right > left && columns(runes[left:right]) > width-2 {
		right--
	}
	text := string(runes[left:right])
	s.Start, s.End = s.Start-left, min(s.End, right)-left
	if left > 0 {
		text = string(cut) + text
		s.Start, s.End = s.Start+1, s.End+1
	}
	if right < len(runes) {
		text += string(cut)
	}
	s.Text = text
	return s
}

// columns is the width of text on a terminal, whatever the locale is.
func columns(text []rune) int {
	width := runewidth.Condition{StrictEmojiNeutral: true}
	return width.StringWidth(string(text))
}
