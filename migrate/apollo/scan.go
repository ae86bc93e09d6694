package apollo

import (
	"strings"
	"time"

	"lockstep/migrate"
	"lockstep/schemas"
)

// A scanner reads lines as Spring Boot writes them into a file, which most are,
// by what stands between their values. What stands there it learns from lines
// that it took apart. It implements [migrate.LineScanner].
type scanner struct {
	dialect *Dialect
	node    string
	clock   clock
	layouts [8]layout // the last ones met
	known   int       // how many they are
	newest  int       // the last one
}

// A layout is what stands in a line of the check around its values: from the
// end of the time to the bracket before the thread, from the bracket behind that
// to the app, and what begins the last one of them.
type layout struct {
	thread, app, value string
	kind               uint8
}

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
	end := strings.IndexByte(text[at:], '\n') + 1
	if end == 0 {
		return len(text), migrate.ReadNot
	}
	next = at + end
	ms, size := s.clock.read(text[at:next])
	if size == 0 {
		return next, migrate.ReadNot
	}
	l.TimeMS = ms
	at += size
	if known, thread, app := s.find(text[at:next]); known != nil {
		l.Thread = span(at, len(known.thread), thread)
		return next, s.readValues(text[:next], at+app, known, l)
	}
	learned, reading := s.learn(text[at:next])
	if !learned {
		return next, reading
	}
	return s.Scan(text, next-end, l)
}

func span(base, from, to int) migrate.Span {
	return migrate.Span{From: uint32(base + from), To: uint32(base + to)} //nolint:gosec // blocks are small
}

// find finds the layout that a line has behind its time: where its thread ends
// and its app begins.
func (s *scanner) find(rest string) (known *layout, thread, app int) {
	for i := range s.known {
		at := (s.newest + i) % s.known
		l := &s.layouts[at]
		if l.app == "" || !strings.HasPrefix(rest, l.thread) {
			continue
		}
		size := strings.IndexByte(rest[len(l.thread):], ']')
		if thread = len(l.thread) + size; size > 0 && strings.HasPrefix(rest[thread:], l.app) {
			s.newest = at
			return l, thread, thread + len(l.app)
		}
	}
	return nil, 0, 0
}

// learn takes a line apart that has none of the known layouts, behind its time,
// and keeps its layout if it is a message of the check.
func (s *scanner) learn(line string) (learned bool, reading migrate.Reading) {
	line = strings.TrimRight(line, "\r\n")
	level, rest, ok := strings.Cut(strings.TrimLeft(line, " "), " ")
	switch {
	case !ok || line[0] != ' ':
		return false, migrate.ReadNot
	case level == "TRACE", level == "DEBUG", level == "INFO", level == "ERROR":
		return false, migrate.ReadSign
	case level != "WARN":
		return false, migrate.ReadNot
	}
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
	known := readMessageKind(message)
	if closes == 0 || known.app == "" || !strings.Contains(line[closes:begins], filterClass) {
		return false, migrate.ReadNot
	}
	known.thread, known.app = line[:closes], line[closes+len(thread):begins]+known.app
	s.known = min(s.known+1, len(s.layouts))
	s.newest = (s.newest + 1) % s.known
	s.layouts[s.newest] = known
	_, ends, _ := s.find(line)
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

// readMessageKind is how a message of the check begins, up to the app, and how
// the value in it does; both are empty if it is none.
func readMessageKind(message string) (l layout) {
	for kind := range uint8(kindMissing) {
		what, observed := "timestamp", ""
		if kind&kindSecond != 0 {
			what = "authorization"
		}
		if kind&kindObserved != 0 {
			observed = " in pre-check"
		}
		if begin := "Invalid " + what + observed + ". appId="; strings.HasPrefix(message, begin) {
			return layout{app: begin, value: "," + what + "=", kind: kind}
		}
	}
	return l
}

// readValues reads what a line of a layout says from its app on, as
// [readMessage] would; the text ends with the line.
func (s *scanner) readValues(text string, at int, known *layout, l *migrate.Line) migrate.Reading {
	rest := text[at:]
	size := readWho(rest, at, l)
	if size == 0 || !strings.HasPrefix(rest[size:], known.value) {
		return migrate.ReadNot
	}
	missing, ok := readValue(rest[size+len(known.value):], known.kind&kindSecond != 0)
	if !ok {
		return migrate.ReadNot
	}
	l.Kind = known.kind
	if missing {
		l.Kind |= kindMissing
	}
	if l.Thread.To-l.Thread.From == consoleThread {
		l.Kind |= kindConsole
	}
	return migrate.ReadCount
}

// readWho reads who has called: an app that can have a key, and the client
// behind ",clientIp=", which Apollo 2.3 leaves out. It returns how far that
// goes; what follows begins with a comma. It is 0 if the text has something else.
func readWho(text string, at int, l *migrate.Line) int {
	app := appSize(text)
	if app == 0 || text[0] == '.' || app > maxApp || app == len(text) || text[app] != ',' {
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

// appSize is how much of a text may be an app of a subject.
func appSize(text string) (size int) {
	if len(text) >= 16 {
		size = subjectSize(text)
	}
	if size == 0 || size == 16 {
		for size < len(text) && isSubject(text[size]) {
			size++
		}
	}
	return size
}

// maxApp is how long an app may be that is part of a subject.
const maxApp = 64

// isSubject reports whether a letter may be part of a subject.
func isSubject(c byte) bool {
	return 'a' <= c && c <= 'z' || isDigit(c) || 'A' <= c && c <= 'Z' || c == '-' || c == '_' || c == '.'
}

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
func (d *Dialect) Meaning(file, text string, l *migrate.Line) migrate.Record {
	c := check{
		app: strings.ToLower(l.Subject.Of(text)), client: client(l.Client.Of(text)), thread: l.Thread.Of(text), reason: schemas.ReasonSkew,
		observed: l.Kind&kindObserved != 0, second: l.Kind&kindSecond != 0,
	}
	switch {
	case l.Kind&kindMissing != 0:
		c.reason = schemas.ReasonMissing
	case c.second:
		c.reason = schemas.ReasonSignature
	}
	record := migrate.Record{Node: migrate.NodeOf(file, d.profile.Nodes, d.name), TimeMS: l.TimeMS}
	d.count(&record, c, time.UnixMilli(l.TimeMS).UTC())
	return record
}
