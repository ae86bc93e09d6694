package main

import (
	"errors"
	"regexp"
	"strings"
	"unicode/utf8"

	"lockstep/schemas"
)

// parseEnv reads lines of KEY=VALUE, as shells and container engines do: a
// value may be in quotes, `export` may stand in front, and lines that are
// empty or begin with # are skipped. Nothing is put in the values, and a #
// within one belongs to it. Every line that is none of these is an error.
func parseEnv(path, text string) (map[string]string, error) {
	variables := map[string]string{}
	var errs []error
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if trimmed := strings.TrimSpace(line); trimmed == "" || trimmed[0] == '#' {
			continue
		}
		name, value, fault := parseVariable(line)
		if fault != nil {
			fault.Path = path
			fault.Span.Start.Line, fault.Span.End.Line = number, number
			errs = append(errs, fault)
			continue
		}
		variables[name] = value
	}
	return variables, errors.Join(errs...)
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// parseVariable reads one line. A fault has columns, but neither path nor
// line yet, and quotes nothing: a broken line may be the rest of a secret.
func parseVariable(line string) (name, value string, fault *schemas.Fault) {
	left, value, found := strings.Cut(line, "=")
	name = strings.TrimSpace(left)
	if rest, exported := strings.CutPrefix(name, "export "); exported {
		name = strings.TrimSpace(rest)
	}
	value = strings.TrimSpace(value)
	switch {
	case !found:
		return "", "", envFault(line, 0, "there is no = in this line", "write KEY=VALUE, each on one line")
	case !variableName.MatchString(name):
		return "", "", envFault(left, 0, "this is no name of a variable", "use letters, digits and _, no digit first")
	case value != "" && strings.Contains(`"'`, value[:1]):
		if len(value) < 2 || strings.IndexByte(value[1:], value[0]) != len(value)-2 {
			return "", "", envFault(line, len(left)+1, "the quotes around this value do not match", "end the value with the quote that it begins with")
		}
		value = value[1 : len(value)-1]
	}
	return name, value, nil
}

// envFault places a fault at text without the blanks around it, from an offset on.
func envFault(text string, offset int, message, remedy string) *schemas.Fault {
	start := offset + len(text[offset:]) - len(strings.TrimLeft(text[offset:], " \t"))
	column := func(offset int) int { return utf8.RuneCountInString(text[:offset]) + 1 }
	span := schemas.Span{
		Start: schemas.Position{Column: column(min(start, len(text)))},
		End:   schemas.Position{Column: column(max(start, len(strings.TrimRight(text, " \t"))))},
	}
	return &schemas.Fault{Span: span, Message: message, Remedy: remedy}
}
