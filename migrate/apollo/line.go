package apollo

import (
	"encoding/json"
	"strings"
)

// plain is a line as the config service wrote it: without the JSON that Docker
// keeps it in, and without colour. What other programs put before it, such as
// the runtime of a container, is left to [readHeader].
func plain(line string) string {
	line = strings.TrimRight(line, "\r\n")
	if strings.HasPrefix(line, `{"`) {
		line = undocker(line)
	}
	return strings.TrimRight(uncolour(line), "\r\n")
}

// undocker takes a line out of the file of Docker's driver json-file; any
// other JSON stays as it is.
func undocker(line string) string {
	var entry struct {
		Log *string `json:"log"`
	}
	if json.Unmarshal([]byte(line), &entry) != nil || entry.Log == nil {
		return line
	}
	return *entry.Log
}

// uncolour takes out the sequences that Spring Boot colours its console with:
// ESC, a bracket, numbers and an m (ECMA-48, SGR).
func uncolour(line string) string {
	if !strings.Contains(line, "\x1b[") {
		return line
	}
	var text strings.Builder
	for {
		before, after, found := strings.Cut(line, "\x1b[")
		text.WriteString(before)
		if !found {
			return text.String()
		}
		line = strings.TrimPrefix(strings.TrimLeft(after, "0123456789;"), "m")
	}
}

// maxWrapped is how many further lines of a record are looked at.
const maxWrapped = 16

// unwrap joins what is left of a line that was wrapped: it goes on where the
// line before was cut. A stack trace and what the Java VM writes on the console
// are no part of it.
func unwrap(more string) string {
	var text strings.Builder
	n := 0
	for line := range strings.Lines(more) {
		line = plain(line)
		if n++; n > maxWrapped || strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "[") {
			break
		}
		text.WriteString(line)
	}
	return text.String()
}

// A header is how a record begins: with a time and a level.
type header struct {
	time  stamp
	level string
	rest  string // of the line
}

// maxBefore is how far into a line its header may begin: containers, syslog
// and kubectl put times, names and streams before it.
const maxBefore = 160

// readHeader finds the header of a plain line.
func readHeader(line string) (header, bool) {
	for at := 0; at < min(len(line), maxBefore); at++ {
		if !isDigit(line[at]) || at > 0 && !strings.ContainsRune(" \t|", rune(line[at-1])) {
			continue
		}
		if h, ok := headerAt(line[at:]); ok {
			return h, true
		}
	}
	return header{}, false
}

func headerAt(text string) (h header, ok bool) {
	h.time, text, ok = readStamp(text)
	if !ok || !strings.HasPrefix(text, " ") {
		return h, false
	}
	h.level, h.rest, ok = strings.Cut(strings.TrimLeft(text, " "), " ")
	switch h.level {
	case "TRACE", "DEBUG", "INFO", "WARN", "ERROR":
		return h, ok
	}
	return h, false
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
