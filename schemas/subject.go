package schemas

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A Subject is what a mode applies to. The one kind so far is an access key:
// key/<app>/<id>, or key/<app> for all keys of an app together.
type Subject struct {
	App string
	ID  string // empty: all keys of App
}

// Apollo's own rule for app ids (its InputValidator, 2.5.2); key ids are ours
// and keep to the same alphabet, so that a subject is safe in every output.
var subjectPart = regexp.MustCompile(`^[0-9a-zA-Z_-][0-9a-zA-Z_.-]*$`)

// ParseSubject reads a subject as written in documents and flags.
func ParseSubject(text string) (Subject, error) {
	parts := strings.Split(text, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] != "key" {
		return Subject{}, Hint(errors.New("not a subject"), "write key/<app>/<id>, such as key/demo/k1")
	}
	for _, p := range parts[1:] {
		if !subjectPart.MatchString(p) || len(p) > 64 {
			return Subject{}, Hint(fmt.Errorf("not a subject: bad app or key id"),
				"use letters, digits, `_`, `-` and `.`, at most 64 of them")
		}
	}
	s := Subject{App: parts[1]}
	if len(parts) == 3 {
		s.ID = parts[2]
	}
	return s, nil
}

// String writes the subject as [ParseSubject] reads it.
func (s Subject) String() string {
	if s.ID == "" {
		return "key/" + s.App
	}
	return "key/" + s.App + "/" + s.ID
}

// Fold returns the subject with its app in lower case, as Apollo looks apps
// up without regard to case. Use it to compare, not to display.
func (s Subject) Fold() Subject {
	s.App = strings.ToLower(s.App)
	return s
}
