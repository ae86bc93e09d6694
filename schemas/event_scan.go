package schemas

// An eventScanner walks over a line of the shape that [Event.Line] writes. It
// exists for speed alone: whatever it does not take, right or wrong, is left
// to encoding/json, which it never contradicts.
type eventScanner struct {
	line string
	at   int // the next byte
}

// scanEvent reads a line a dozen times as fast as encoding/json. ok is false
// where it does not know; the strings of the event are parts of the line.
func scanEvent(line string) (e Event, ok bool) {
	s := eventScanner{line: line}
	if !s.take('{') {
		return e, false
	}
	for {
		name, ok := s.text()
		if !ok || !s.take(':') || !s.field(&e, name) {
			return e, false
		}
		if !s.take(',') {
			return e, s.take('}') && s.atEnd()
		}
	}
}

// field reads the value of one field. Those that few lines have are left out.
func (s *eventScanner) field(e *Event, name string) bool {
	if to := e.textField(name); to != nil {
		text, ok := s.text()
		*to = text
		return ok
	}
	n, ok := s.number()
	switch name {
	case "seq":
		e.Seq = n
	case "count":
		e.Count = n
	case "time_ms":
		e.TimeMS = int64(n) //nolint:gosec // at most 18 digits
	case "first_ms":
		e.FirstMS = int64(n) //nolint:gosec // at most 18 digits
	case "last_ms":
		e.LastMS = int64(n) //nolint:gosec // at most 18 digits
	case "hours":
		e.Hours = uint32(n) //nolint:gosec // judged in the next line
		return ok && n>>32 == 0
	default:
		return false
	}
	return ok
}

// textField is where the text of a field belongs; nil if it is none.
func (e *Event) textField(name string) *string {
	switch name {
	case "kind":
		return (*string)(&e.Kind)
	case "environment":
		return &e.Environment
	case "node":
		return &e.Node
	case "boot":
		return &e.Boot
	case "subject":
		return &e.Subject
	case "client":
		return &e.Client
	case "how":
		return (*string)(&e.How)
	case "outcome":
		return (*string)(&e.Outcome)
	case "reason":
		return (*string)(&e.Reason)
	case "day":
		return &e.Day
	}
	return nil
}

// take steps over one byte, and blanks before it.
func (s *eventScanner) take(c byte) bool {
	s.blanks()
	if s.at == len(s.line) || s.line[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *eventScanner) blanks() {
	for s.at < len(s.line) && (s.line[s.at] == ' ' || s.line[s.at] == '\t' || s.line[s.at] == '\r' || s.line[s.at] == '\n') {
		s.at++
	}
}

func (s *eventScanner) atEnd() bool {
	s.blanks()
	return s.at == len(s.line)
}

// text reads a string of plain ASCII. An escape, or a byte that may be part of
// broken UTF-8, is not for us.
func (s *eventScanner) text() (string, bool) {
	if !s.take('"') {
		return "", false
	}
	for i := s.at; i < len(s.line); i++ {
		switch c := s.line[i]; {
		case c == '"':
			text := s.line[s.at:i]
			s.at = i + 1
			return text, true
		case c < ' ' || c == '\\' || c >= 0x80:
			return "", false
		}
	}
	return "", false
}

// number reads a whole number of at most 18 digits, which has room in every
// type but uint32.
func (s *eventScanner) number() (n uint64, ok bool) {
	s.blanks()
	from := s.at
	for s.at < len(s.line) && s.line[s.at]-'0' <= 9 {
		n = n*10 + uint64(s.line[s.at]-'0')
		s.at++
	}
	digits := s.at - from
	leadingZero := digits > 1 && s.line[from] == '0'
	return n, digits > 0 && digits <= 18 && !leadingZero
}
