package migrate

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// nginxVariable is a variable as nginx writes it: $name or ${name}.
var nginxVariable = regexp.MustCompile(`\$(?:([a-z0-9_]+)|\{([a-z0-9_]+)\})`)

// newNginxSplitter compiles a log_format of nginx. A value ends where the text
// behind its variable begins. nginx writes a quote within a value as \x22, so
// that no client can forge the end of a quoted value.
func newNginxSplitter(format string) (splitter, error) {
	places := nginxVariable.FindAllStringSubmatchIndex(format, -1)
	if len(places) == 0 {
		return nil, errors.New("pattern: not a log_format of nginx: it has no $variable")
	}
	name := func(place []int) string { return strings.Trim(format[place[0]:place[1]], "${}") }
	before, fields, touching := cutPattern(format, places, name)
	if touching > 0 {
		return nil, nameError(fields[touching-1].name, fields[touching].name)
	}
	return func(line string) (map[string]any, error) {
		rest, ok := strings.CutPrefix(line, before)
		if !ok {
			return nil, errNotNginx
		}
		return splitNginx(rest, fields)
	}, nil
}

var errNotNginx = errors.New("the line does not match the log_format")

func splitNginx(rest string, format []patternField) (map[string]any, error) {
	fields := make(map[string]any, len(format)+2)
	for i, f := range format {
		end := strings.Index(rest, f.until)
		if i == len(format)-1 {
			end = len(rest) - len(f.until)
		}
		if end < 0 || !strings.HasSuffix(rest[:end+len(f.until)], f.until) || strings.Contains(rest[:end], `"`) {
			return nil, errNotNginx
		}
		value, err := nginxValue(rest[:end])
		if err != nil {
			return nil, err
		}
		if fields[f.name] = value; f.name == "request" {
			addRequest(fields, asText(value))
		}
		rest = rest[end+len(f.until):]
	}
	return fields, nil
}

// addRequest takes the first line of a request apart.
func addRequest(fields map[string]any, request string) {
	method, rest, _ := strings.Cut(request, " ")
	if target, _, ok := strings.Cut(rest, " "); ok {
		fields["request_method"], fields["request_uri"] = method, target
	}
}

// nginxValue undoes the escapes of nginx. A dash stands for nothing; digits
// alone are a number.
func nginxValue(text string) (any, error) {
	if text == "-" {
		return nil, nil //nolint:nilnil // nothing is a value here
	}
	if len(text) <= 18 && strings.Trim(text, "0123456789") == "" {
		if n, err := strconv.Atoi(text); err == nil {
			return n, nil
		}
	}
	if !strings.Contains(text, `\x`) {
		return text, nil
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if !strings.HasPrefix(text[i:], `\x`) {
			b.WriteByte(text[i])
			continue
		}
		if len(text) < i+4 {
			return nil, errNotNginx
		}
		c, err := strconv.ParseUint(text[i+2:i+4], 16, 8)
		if err != nil {
			return nil, errNotNginx
		}
		b.WriteByte(byte(c))
		i += 3
	}
	return b.String(), nil
}
