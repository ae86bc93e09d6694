package migrate

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"lockstep/schemas"
)

// tomcatCode is a code in the pattern of Tomcat's access log: %a or %{X}i.
var tomcatCode = regexp.MustCompile(`%(?:\{([^}]*)\})?([a-zA-Z])`)

// newTomcatSplitter compiles the pattern attribute of Tomcat's
// AccessLogValve. Fields have the names that nginx gives them, where it does.
// Tomcat writes a quote or a backslash within a value behind a backslash, and
// a dash for what is absent or empty.
func newTomcatSplitter(pattern string) (splitter, error) {
	places := tomcatCode.FindAllStringSubmatchIndex(pattern, -1)
	if len(places) == 0 {
		return nil, schemas.Hint(errors.New("pattern: not one of Tomcat's access log: it has no %code"),
			"give the attribute pattern of its AccessLogValve")
	}
	before, fields, touching := cutPattern(pattern, places, func(place []int) string {
		argument := ""
		if place[2] >= 0 {
			argument = pattern[place[2]:place[3]]
		}
		return tomcatName(pattern[place[4]], argument)
	})
	if touching > 0 {
		return nil, nameError(fields[touching-1].name, pattern[places[touching][0]:places[touching][1]])
	}
	return func(line string) (map[string]any, error) {
		rest, ok := strings.CutPrefix(line, before)
		if !ok {
			return nil, errNotTomcat
		}
		return splitTomcat(rest, fields)
	}, nil
}

var errNotTomcat = errors.New("the line does not match the pattern of Tomcat's access log")

// tomcatName names what a code stands for. Codes that nobody needs are called
// by their letter.
func tomcatName(code byte, argument string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, argument)
	switch {
	case code == 'i':
		return "http_" + name
	case code == 'o':
		return "sent_http_" + name
	case code == 't' && name != "":
		return "time_" + name // such as time_begin_msec
	}
	names := map[byte]string{
		'a': "remote_addr", 'h': "remote_host", 'u': "remote_user", 'r': "request", 's': "status", 't': "time_local",
		'b': "body_bytes_sent", 'B': "body_bytes_sent", 'm': "request_method", 'U': "uri", 'q': "query", 'v': "server_name", 'p': "server_port",
		'D': "request_time", 'I': "thread",
	}
	if known := names[code]; known != "" && argument == "" {
		return known
	}
	return string(code) + name
}

func splitTomcat(rest string, format []patternField) (map[string]any, error) {
	fields := make(map[string]any, len(format)) // the usual ones fit into the smallest map
	for _, f := range format {
		end := tomcatEnd(rest, f.until)
		if end < 0 || !strings.HasPrefix(rest[end:], f.until) {
			return nil, errNotTomcat
		}
		switch text := rest[:end]; f.name {
		case "request": // its parts take its place
			addRequest(fields, text)
		case "time_local":
			fields[f.name] = strings.Trim(text, "[]")
		default:
			if value := tomcatValue(text); value != nil {
				fields[f.name] = value
			}
		}
		rest = rest[end+len(f.until):]
	}
	if rest != "" {
		return nil, errNotTomcat
	}
	return fields, nil
}

// tomcatEnd is where a value ends: at a quote that is not escaped, if one
// follows it, or else where the text behind it begins.
func tomcatEnd(rest, until string) int {
	if until == "" {
		return len(rest)
	}
	if until[0] != '"' {
		return strings.Index(rest, until)
	}
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// tomcatValue undoes the escapes of Tomcat. A dash stands for nothing; digits
// alone are a number.
func tomcatValue(text string) any {
	if text == "-" {
		return nil
	}
	if text != "" && len(text) <= 18 && strings.Trim(text, "0123456789") == "" {
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	if !strings.Contains(text, `\`) {
		return text
	}
	if plain, err := strconv.Unquote(`"` + text + `"`); err == nil { // Tomcat's escapes are among those of Go
		return plain
	}
	return text
}
