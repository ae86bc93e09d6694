package apollo

import (
	"math/bits"
	"strings"
	"time"

	"lockstep/migrate"
	"lockstep/migrate/scan"
	"lockstep/schemas"
)

// A scanner reads lines as Spring Boot writes them into a file, which most are,
// by what stands between their values. What stands there it learns from lines
// that it took apart. It implements [migrate.LineScanner].
type scanner struct {
	dialect *Dialect
	node    string
	clock   clock
	layouts [8]layout // the last ones learned
	newest  int       // the last one of them, or the one met last
}

// A layout is what stands in a line of the check around its thread: from the
// end of the time to the bracket before it, and from the bracket behind it to
// the message.
type layout struct{ thread, origin string }

// Scanner implements [migrate.LineDialect]. In colour, a value may be in any
// line, and who prints a secret may do so anywhere.
func (d *Dialect) Scanner(file, text string) migrate.LineScanner {
	if strings.IndexByte(text, '\x1b') >= 0 || hasKey(text) {
		return nil
	}
	return &scanner{dialect: d, node: migrate.NodeOf(file, d.profile.Nodes, d.name), clock: clock{zone: d.zone}}
}

// hasKey reports whether a text may print an access key, see [exposes]: it looks
// for the brace, which few lines have.
func hasKey(text string) bool {
	for at := 0; ; at++ {
		next := strings.IndexByte(text[at:], '{')
		if next < 0 {
			return false
		}
		if at += next; strings.HasSuffix(text[:at], "AccessKey") {
			return true
		}
	}
}

// Node implements [migrate.LineScanner].
func (s *scanner) Node() string { return s.node }

// Scan implements [migrate.LineScanner].
func (s *scanner) Scan(text string, at int, l *migrate.Line) (next int, reading migrate.Reading) {
	ms, size := s.clock.read(text[at:])
	if size == 0 {
		return at, migrate.ReadNot
	}
	l.TimeMS = ms
	rest := at + size
	if known, thread := s.find(text[rest:]); known != nil {
		// The end is looked for from a place that does not depend on the text, so
		// that the next line can be read while this one is.
		fixed := rest + len(known.thread) + len(known.origin)
		if next = fixed + strings.IndexByte(text[fixed:], '\n') + 1; next == fixed {
			return at, migrate.ReadNot
		}
		l.Thread = span(rest, len(known.thread), thread)
		return next, s.readMessage(text[:next], rest+thread+len(known.origin), l)
	}
	next = rest + strings.IndexByte(text[rest:], '\n') + 1
	if next == rest {
		return at, migrate.ReadNot
	}
	learned, reading := s.learn(text[rest:next])
	if !learned {
		return next, reading
	}
	return s.Scan(text, at, l)
}

func span(base, from, to int) migrate.Span {
	return migrate.Span{From: uint32(base + from), To: uint32(base + to)} //nolint:gosec // blocks are small
}

// find finds the layout that a line has behind its time, and where its thread ends.
func (s *scanner) find(rest string) (known *layout, thread int) {
	for i := range s.layouts {
		at := (s.newest + i) % len(s.layouts)
		l := &s.layouts[at]
		if l.origin == "" || !strings.HasPrefix(rest, l.thread) {
			continue
		}
		thread = len(l.thread) + threadSize(rest[len(l.thread):])
		if thread > len(l.thread) && strings.HasPrefix(rest[thread:], l.origin) {
			s.newest = at
			return l, thread
		}
	}
	return nil, 0
}

// threadSize is how much of a text is in front of a bracket that closes, in the
// same line.
func threadSize(text string) int {
	for at := 0; at+8 <= len(text); at += 8 {
		word := scan.Load(text, at)
		if ends := is(word, ']') | is(word, '\n'); ends != 0 {
			if at += bits.TrailingZeros64(ends) / 8; text[at] == ']' {
				return at
			}
			break
		}
	}
	return 0
}

// learn takes a line apart that has none of the known layouts, behind its time,
// and keeps its layout if it is a message of the check.
func (s *scanner) learn(line string) (learned bool, reading migrate.Reading) {
	level, rest, ok := strings.Cut(strings.TrimLeft(line, " "), " ")
	switch {
	case !ok || line[0] != ' ':
		return false, migrate.ReadNot
	case level == "TRACE", level == "DEBUG", level == "INFO", level == "ERROR":
		return false, migrate.ReadSign
	case level != "WARN":
		return false, migrate.ReadNot
	}
	line, rest = strings.TrimRight(line, "\r\n"), strings.TrimRight(rest, "\r\n")
	thread, class, message, ok := origin(rest)
	switch {
	case !ok:
		return false, migrate.ReadNot
	case !strings.HasSuffix(class, filterClass):
		return false, migrate.ReadSign
	}
	// The thread is in the last of the brackets before the class, and nothing of
	// the class or the message is in front of it.
	begins := len(line) - len(message)
	closes := strings.LastIndex(line[:begins], "["+thread+"] ") + 1
	if closes == 0 || !strings.HasPrefix(message, s.dialect.wordings[kindOf(message)].begin) || !strings.Contains(line[closes:begins], filterClass) {
		return false, migrate.ReadNot
	}
	s.newest = (s.newest + 1) % len(s.layouts)
	s.layouts[s.newest] = layout{line[:closes], line[closes+len(thread) : begins]}
	_, ends := s.find(line)
	if learned = ends == closes+len(thread); !learned {
		s.layouts[s.newest] = layout{}
	}
	return learned, migrate.ReadNot
}

// What a line of the check says besides who has called, as bits of
// [migrate.Line.Kind].
const (
	kindSecond   = 1 << iota // see [check]
	kindObserved             // the same
	kindMissing              // nothing was sent
	kindConsole              // the line is of a console
)

// A wording is how a message of the check begins, up to the app, and how the
// value in it does.
type wording struct{ begin, value string }

// wordings are those of all kinds.
func wordings() (all [kindMissing]wording) {
	for kind := range all {
		what, observed := "timestamp", ""
		if kind&kindSecond != 0 {
			what = "authorization"
		}
		if kind&kindObserved != 0 {
			observed = " in pre-check"
		}
		all[kind] = wording{"Invalid " + what + observed + ". appId=", "," + what + "="}
	}
	return all
}

// kindOf is the kind of a message, if it is one of the check. Nobody can foresee
// which it is, so no branch depends on it.
func kindOf(message string) (kind uint8) {
	const first, second = len("Invalid timestamp"), len("Invalid authorization")
	if len(message) <= second {
		return 0
	}
	behind := first
	if message[len("Invalid ")] == 'a' {
		kind, behind = kindSecond, second
	}
	if message[behind] == ' ' {
		kind |= kindObserved
	}
	return kind
}

// readMessage reads what a line says from a place on, as the [check] of it would
// be; the text ends with the line.
func (s *scanner) readMessage(text string, at int, l *migrate.Line) migrate.Reading {
	l.Kind = kindOf(text[at:])
	words := &s.dialect.wordings[l.Kind]
	if !strings.HasPrefix(text[at:], words.begin) {
		return migrate.ReadNot
	}
	at += len(words.begin)
	size := readWho(text[at:], at, l)
	at += size
	if size == 0 || !strings.HasPrefix(text[at:], words.value) {
		return migrate.ReadNot
	}
	missing, ok := readValue(text[at+len(words.value):], l.Kind&kindSecond != 0)
	if !ok {
		return migrate.ReadNot
	}
	if missing {
		l.Kind |= kindMissing
	}
	if l.Thread.To-l.Thread.From == consoleThread {
		l.Kind |= kindConsole
	}
	return migrate.ReadCount
}

// readWho reads who has called: an app, and the client
// behind ",clientIp=", which Apollo 2.3 leaves out. It returns how far that
// goes; what follows begins with a comma. It is 0 if the text has something else.
func readWho(text string, at int, l *migrate.Line) int {
	app := indexOf(text, ',')
	if app <= 0 {
		return 0
	}
	l.Subject = span(at, 0, app)
	const name = "clientIp="
	begin := app + 1 + len(name)
	if len(text) < begin || text[app+1:begin] != name {
		return app
	}
	size, ok := 0, false
	if len(text) >= begin+addressRoom {
		l.Address, size, ok = readAddress(text[begin:])
	}
	if l.IsAddress = ok; !ok {
		if size = strings.IndexByte(text[begin:], ','); size < 0 {
			return 0
		}
	}
	l.Client = span(at, begin, begin+size)
	return begin + size
}

// isApp reports whether a text is an app that can have a key, as nearly all are.
func isApp(text string) bool {
	for i := range len(text) {
		if c := text[i]; (c < 'a' || 'z' < c) && (c < 'A' || 'Z' < c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return 0 < len(text) && len(text) <= maxApp && text[0] != '.'
}

// maxApp is how long an app may be that is part of a subject.
const maxApp = 64

// readValue reads what the client has sent, up to the end of the line, if it is
// what most send: a number of milliseconds, a signature, or nothing.
func readValue(text string, authorization bool) (missing, ok bool) {
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	if text == "null" {
		return true, true
	}
	if authorization {
		colon := strings.IndexByte(text, ':') + 1
		return false, colon > 0 && colon < len(text) && text[colon] != ':'
	}
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false, false
		}
	}
	return false, 0 < len(text) && len(text) <= 18
}

// isSpace is \s of [parts].
func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }

// Meaning implements [migrate.LineDialect].
func (d *Dialect) Meaning(file, text string, l *migrate.Line) (record migrate.Record, ok bool) {
	app := l.Subject.Of(text)
	if !isApp(app) {
		return record, false
	}
	c := check{
		app: strings.ToLower(app), client: client(l.Client.Of(text)), thread: l.Thread.Of(text), reason: schemas.ReasonSkew,
		observed: l.Kind&kindObserved != 0, second: l.Kind&kindSecond != 0,
	}
	switch {
	case l.Kind&kindMissing != 0:
		c.reason = schemas.ReasonMissing
	case c.second:
		c.reason = schemas.ReasonSignature
	}
	record = migrate.Record{Node: migrate.NodeOf(file, d.profile.Nodes, d.name), TimeMS: l.TimeMS}
	d.count(&record, c, time.UnixMilli(l.TimeMS).UTC())
	return record, true
}
