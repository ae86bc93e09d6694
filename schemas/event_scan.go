package schemas

import "strings"

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
func (s *eventScanner) field(e *Event, name string) (ok bool) {
	if to := e.textField(name); to != nil {
		*to, ok = s.text()
		return ok
	}
	switch name {
	case "subjects":
		return e.Subjects == nil && s.states(e)
	case "final":
		e.Final, ok = s.truth()
		return ok
	case "refused":
		e.Refused, ok = s.truth()
		return ok
	}
	n, ok := s.number()
	switch name {
	case "seq":
		e.Seq = n
	case "count":
		e.Count = n
	case "left_out":
		e.LeftOut = n
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
	case "rollout_digest":
		return &e.RolloutDigest
	case "endpoint_id":
		return &e.Endpoint
	case "mode":
		return (*string)(&e.Mode)
	}
	return nil
}

// states reads what a heartbeat says of subjects. A thousand nodes write that
// each minute.
func (s *eventScanner) states(e *Event) bool {
	if !s.take('[') {
		return false
	}
	if e.Subjects = []SubjectState{}; s.take(']') {
		return true
	}
	for {
		state, ok := s.state()
		if e.Subjects = append(e.Subjects, state); !ok {
			return false
		}
		if !s.take(',') {
			return s.take(']')
		}
	}
}

func (s *eventScanner) state() (state SubjectState, ok bool) {
	if !s.take('{') {
		return state, false
	}
	for {
		name, ok := s.text()
		if !ok || !s.take(':') {
			return state, false
		}
		to := &state.Subject
		switch name {
		case "subject":
		case "mode":
			to = (*string)(&state.Mode)
		case "fingerprint":
			to = &state.Fingerprint
		default:
			return state, false
		}
		if *to, ok = s.text(); !ok {
			return state, false
		}
		if !s.take(',') {
			return state, s.take('}')
		}
	}
}

// truth reads true or false.
func (s *eventScanner) truth() (value, ok bool) {
	s.blanks()
	for _, text := range []string{"true", "false"} {
		if strings.HasPrefix(s.line[s.at:], text) {
			s.at += len(text)
			return text == "true", true
		}
	}
	return false, false
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
