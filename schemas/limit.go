package schemas

import (
	"bytes"
	"errors"
)

// maxValues is how many keys and values a document may hold. The parser takes
// half a KiB for each, so that 4 MiB of nothing but brackets would fill GiBs;
// ten thousand listeners with ten keys each are at most 250,000.
const maxValues = 260_000

// ErrTooManyValues says that a document is too dense to be parsed. Piko has no
// such limit: nobody has judged the file.
var ErrTooManyValues = errors.New("it holds more than 260,000 keys and values")

// checkValues returns [ErrTooManyValues] for a text that may hold more.
func checkValues(source []byte) error {
	if 2*len(source) <= maxValues || valuesAtMost(source) <= maxValues {
		return nil
	}
	return Hint(ErrTooManyValues, "check that this is the right file; 10,000 listeners with all their keys would fit")
}

// valuesAtMost counts what can begin a key or a value, without parsing: too
// many, where such a character is part of a text, but hardly ever too few.
func valuesAtMost(source []byte) int {
	if bytes.HasPrefix(source, []byte{0xff, 0xfe}) || bytes.HasPrefix(source, []byte{0xfe, 0xff}) {
		source = []byte(decodeText(source))
	}
	colon := 2 // a key and its value
	if isFlow(source) {
		colon = 0 // both are behind a comma or a brace, and have been counted
	}
	n := 1
	for line := range bytes.Lines(source) {
		if !isComment(line) {
			n += valuesOn(line, colon)
		}
	}
	return n
}

// isFlow reports whether the whole document is written in brackets, as JSON is.
func isFlow(source []byte) bool {
	text := bytes.TrimLeft(source, " \t\r\n")
	return len(text) > 0 && (text[0] == '{' || text[0] == '[')
}

// isComment reports whether nothing but a comment can be on a line: neither
// the end of a text in quotes nor a line break of another kind.
func isComment(line []byte) bool {
	text := bytes.TrimLeft(line, " \t")
	return len(text) > 0 && text[0] == '#' &&
		!bytes.ContainsAny(bytes.TrimRight(text, "\r\n"), "\"'\r\u0085\u2028\u2029")
}

func valuesOn(line []byte, colon int) (n int) {
	for i, c := range line {
		switch c {
		case '[':
			n++
		case ',', '{': // in a mapping comes a key, with or without a value
			n += 2
		case '-': // in front of an item it stands alone
			if endsWord(line, i) && beginsWord(line, i) {
				n++
			}
		case '?':
			if endsWord(line, i) && beginsWord(line, i) {
				n += 2
			}
		case ':': // in a URL or an address it stands between letters
			if endsWord(line, i) || beginsWord(line, i) {
				n += colon
			}
		}
	}
	return n
}

// endsWord reports whether what follows the character at i is no part of the
// same word.
func endsWord(line []byte, i int) bool { return i+1 == len(line) || !inWord(line[i+1]) }

// beginsWord reports whether what precedes the character at i is no part of
// the same word.
func beginsWord(line []byte, i int) bool { return i == 0 || !inWord(line[i-1]) }

func inWord(c byte) bool {
	return isAlphanumeric(c) || c == '/' || c == '.' || c == '-'
}
