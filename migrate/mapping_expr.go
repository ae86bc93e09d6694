package migrate

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"lockstep/schemas"
)

// An expression is one of a mapping, compiled. It may be used by many goroutines.
type expression struct {
	name    string // of its key in the mapping
	program *vm.Program
	short   shortcut // computes the same; nil if there is none
}

// A compiler compiles the expressions of a mapping and keeps their errors.
type compiler struct{ errs []error }

func (c *compiler) needed(name, text string) *expression {
	if text == "" {
		c.errs = append(c.errs, schemas.Hint(fmt.Errorf("%s is missing", name), "`lockstep schema policy` says what it is for"))
		return nil
	}
	return c.optional(name, text)
}

// optional is nil where there is no expression.
func (c *compiler) optional(name, text string) *expression {
	if text == "" {
		return nil
	}
	options := []expr.Option{
		expr.Env(map[string]any{}), expr.AllowUndefinedVariables(),
		expr.DisableBuiltin("now"), // the same logs have to give the same evidence
	}
	for name, do := range functions() {
		options = append(options, expr.Function(name, do.call, do.types...))
	}
	program, err := expr.Compile(text, options...)
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		c.errs = append(c.errs, schemas.Hint(fmt.Errorf("%s: %s", name, first), "it is an expression of expr-lang.org"))
		return nil
	}
	return &expression{name, program, newShortcut(program.Node())}
}

// A function of expressions, with the types it takes.
type function struct {
	call  func(...any) (any, error)
	types []any
}

// functions are those that expressions have beyond the ones of the library. A
// field that is not there is nil, and yields nothing.
func functions() map[string]function {
	var patterns sync.Map // by text: a line should not compile them again
	return map[string]function{
		"apollo": {apolloApp, []any{new(func(any) string)}},
		"param":  {queryParam, []any{new(func(any, string) string)}},
		// part(text, pattern) is what the first group of the pattern matches.
		"part": {func(args ...any) (any, error) {
			pattern, err := compiledOnce(&patterns, asText(args[1]))
			if err != nil {
				return "", err
			}
			if groups := pattern.FindStringSubmatch(asText(args[0])); len(groups) > 1 {
				return groups[1], nil
			}
			return "", nil
		}, []any{new(func(any, string) string)}},
	}
}

func apolloApp(args ...any) (any, error) { return appOfTarget(asText(args[0])), nil }

func queryParam(args ...any) (any, error) { return parameterOf(asText(args[0]), asText(args[1])), nil }

// parameterOf is a parameter of the query of a target, the first that can be
// read, as [url.ParseQuery] would.
func parameterOf(target, name string) string {
	_, query, _ := strings.Cut(target, "?")
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		if key, err := url.QueryUnescape(key); err != nil || key != name || strings.Contains(part, ";") || part == "" {
			continue
		}
		if value, err := url.QueryUnescape(value); err == nil {
			return value
		}
	}
	return ""
}

func compiledOnce(patterns *sync.Map, text string) (*regexp.Regexp, error) {
	if known, ok := patterns.Load(text); ok {
		return known.(*regexp.Regexp), nil //nolint:forcetypeassert // nothing else is stored
	}
	pattern, err := regexp.Compile(text)
	if err != nil {
		return nil, errors.New("the pattern is not a regular expression")
	}
	patterns.Store(text, pattern)
	return pattern, nil
}

// asText is a value as text; nothing for what is not there.
func asText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any: // headers that may come more than once
		if len(v) > 0 {
			return asText(v[len(v)-1])
		}
	}
	return ""
}

// A reader computes expressions from one line and keeps the first error. Its
// words never quote a value, which may be a secret.
type reader struct {
	fields map[string]any
	at     time.Time // of a tuple, instead of what fields say; zero for a line
	err    error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

func (r *reader) value(e *expression) any {
	if r.err != nil {
		return nil
	}
	if e.short != nil {
		return e.short(r.fields)
	}
	value, err := expr.Run(e.program, r.fields)
	if err != nil {
		r.fail("%s cannot be computed from this line", e.name)
	}
	return value
}

// truth is false also for what is not there.
func (r *reader) truth(e *expression) bool {
	switch v := r.value(e).(type) {
	case bool:
		return v
	case nil:
		return false
	}
	r.fail("%s is neither true nor false", e.name)
	return false
}

// text is valid UTF-8, as every text in evidence.
func (r *reader) text(e *expression) string { return strings.ToValidUTF8(asText(r.value(e)), "\ufffd") }

func (r *reader) needed(e *expression) string {
	text := r.text(e)
	if text == "" {
		r.fail("%s is missing", e.name)
	}
	return text
}
