package schemas

import (
	"errors"
	"strings"
)

// A Subject is what a mode applies to: an access key, key/<app>/<id>, or
// key/<app> for all keys of an app together; or the verification of the
// certificate of an upstream, tls/<endpoint_id>. One of App and Endpoint is empty.
type Subject struct {
	App      string
	ID       string // empty: all keys of App
	Endpoint string
}

// HasMode reports whether the subject has a mode of its own, which all keys of
// an app together do not.
func (s Subject) HasMode() bool { return s.ID != "" || s.Endpoint != "" }

// IsTLSSubject reports whether text is how the subject of an upstream begins.
func IsTLSSubject(text string) bool { return strings.HasPrefix(text, tlsPrefix) }

const tlsPrefix = "tls/"

// Apollo's own rule for app ids (its InputValidator, 2.5.2); key ids are ours
// and keep to the same alphabet, so that a subject is safe in every output.
func isSubjectPart(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' && (c != '.' || i == 0) {
			return false
		}
	}
	return text != "" && len(text) <= 64
}

// ParseSubject reads a subject as written in documents and flags.
func ParseSubject(text string) (Subject, error) {
	if endpoint, isTLS := strings.CutPrefix(text, tlsPrefix); isTLS {
		if !isSubjectPart(endpoint) {
			return Subject{}, Hint(errors.New("not a subject: bad endpoint id"),
				"only an endpoint id of letters, digits, `_`, `-` and `.`, at most 64 of them, can be rolled out")
		}
		return Subject{Endpoint: endpoint}, nil
	}
	app, isKey := strings.CutPrefix(text, "key/")
	app, id, hasID := strings.Cut(app, "/")
	if !isKey || strings.Contains(id, "/") {
		return Subject{}, Hint(errors.New("not a subject"), "write key/<app>/<id>, such as key/demo/k1, or tls/<endpoint_id>")
	}
	if !isSubjectPart(app) || (hasID && !isSubjectPart(id)) {
		return Subject{}, Hint(errors.New("not a subject: bad app or key id"),
			"use letters, digits, `_`, `-` and `.`, at most 64 of them")
	}
	return Subject{App: app, ID: id}, nil
}

// String writes the subject as [ParseSubject] reads it.
func (s Subject) String() string {
	switch {
	case s.Endpoint != "":
		return tlsPrefix + s.Endpoint
	case s.ID == "":
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
