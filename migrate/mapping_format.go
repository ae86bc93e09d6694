package migrate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/go-logfmt/logfmt"

	"lockstep/schemas"
)

// A splitter takes a line apart into fields: texts, whole numbers as int,
// other numbers as float64, and what JSON has besides.
type splitter func(line string) (map[string]any, error)

func newSplitter(format schemas.LogFormat, pattern string) (splitter, error) {
	switch format {
	case schemas.FormatJSON:
		return splitJSON, nil
	case schemas.FormatLogfmt:
		return splitLogfmt, nil
	case schemas.FormatRegex:
		return newRegexSplitter(pattern)
	case schemas.FormatNginx:
		return newNginxSplitter(pattern)
	case schemas.FormatTomcat:
		return newTomcatSplitter(pattern)
	}
	return nil, schemas.Hint(errors.New("format is missing"), "use json, logfmt, regex, nginx or tomcat, or a preset")
}

func splitJSON(line string) (map[string]any, error) {
	dec := json.NewDecoder(strings.NewReader(line))
	dec.UseNumber()
	var fields map[string]any
	if err := dec.Decode(&fields); err != nil || fields == nil {
		return nil, errors.New("not a JSON object") // the decoder's own words may quote a value
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is text after the JSON object")
	}
	for name, value := range fields {
		fields[name] = number(value)
	}
	return fields, nil
}

// number turns numbers within value into those that expressions compare well:
// a set of whole numbers holds ints, and 200.0 is not in it.
func number(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
		f, err := v.Float64()
		if err != nil {
			return nil
		}
		return f
	case map[string]any:
		for name, inner := range v {
			v[name] = number(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = number(inner)
		}
	}
	return value
}

func splitLogfmt(line string) (map[string]any, error) {
	dec := logfmt.NewDecoderSize(strings.NewReader(line), MaxLine+1)
	fields := map[string]any{}
	for dec.ScanRecord() {
		for dec.ScanKeyval() {
			fields[string(dec.Key())] = string(dec.Value())
		}
	}
	if dec.Err() != nil || len(fields) == 0 {
		return nil, errors.New("not logfmt")
	}
	return fields, nil
}

// newRegexSplitter wants the whole line to match.
func newRegexSplitter(pattern string) (splitter, error) {
	compiled, err := regexp.Compile(`^(?:` + pattern + `)$`)
	if err != nil {
		return nil, schemas.Hint(errors.New("pattern: not a regular expression"), "see https://pkg.go.dev/regexp/syntax")
	}
	names := compiled.SubexpNames()
	if strings.Join(names, "") == "" {
		return nil, schemas.Hint(errors.New("pattern: no group has a name"), "write (?P<status>[0-9]+)")
	}
	return func(line string) (map[string]any, error) {
		groups := compiled.FindStringSubmatchIndex(line)
		if groups == nil {
			return nil, errors.New("the line does not match the pattern")
		}
		fields := map[string]any{}
		for i, name := range names {
			if name != "" && groups[2*i] >= 0 {
				fields[name] = line[groups[2*i]:groups[2*i+1]]
			}
		}
		return fields, nil
	}, nil
}

// A patternField is a placeholder in the pattern of a log's lines, and the text
// behind it.
type patternField struct {
	name  string
	until string // empty: to the end of the line
}

// cutPattern cuts a pattern at its placeholders, of which there is one at least.
// Where touching is not 0, no text tells the field of that index from the one
// before it.
func cutPattern(pattern string, places [][]int, name func(place []int) string) (before string, fields []patternField, touching int) {
	fields = make([]patternField, len(places))
	for i, p := range places {
		end := len(pattern)
		if i+1 < len(places) {
			end = places[i+1][0]
		}
		fields[i] = patternField{name(p), pattern[p[1]:end]}
		if i+1 < len(places) && p[1] == end && touching == 0 {
			touching = i + 1
		}
	}
	return pattern[:places[0][0]], fields, touching
}

// nameError is for a pattern whose variables cannot be told apart.
func nameError(a, b string) error {
	return schemas.Hint(fmt.Errorf("pattern: nothing stands between $%s and $%s", a, b), "put a blank between them, also in nginx")
}
