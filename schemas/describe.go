package schemas

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// describe words a violation of schema for a person: what is wrong, and what
// would be right. The schema's descriptions say what a pattern is for.
func describe(v Violation, schema *jsonschema.Schema) (message, hint string) {
	name := fieldName(v.Pointer)
	wanted := "see `lockstep schema` for what fits"
	if schema != nil && schema.Description != "" {
		wanted = phrase(schema.Description)
	}
	switch {
	case schema == nil:
		return name + " does not fit its schema", wanted
	case v.Keyword == "type":
		return fmt.Sprintf("%s is not %s", name, typeNames(schema)), cmp.Or(typeHint(schema), wanted)
	case v.Keyword == "enum":
		return name + " is none of the allowed values", "use one of " + enumNames(schema)
	case v.Keyword == "const":
		return name + " is not the value this version reads", fmt.Sprintf("write `%s: %v`", name, schema.Constant[0])
	case v.Keyword == "minItems", v.Keyword == "minLength", v.Keyword == "minProperties":
		return name + " is empty", wanted
	default:
		return name + " is not written as it should be", wanted
	}
}

// typeNames says what a value must be, with its article.
func typeNames(schema *jsonschema.Schema) string {
	if schema.Format == goDuration {
		return "a duration"
	}
	names := map[string]string{
		"string": "a text", "boolean": "true or false", "integer": "a whole number",
		"number": "a number", "object": "a mapping", "array": "a list",
	}
	words := make([]string, len(schema.Types))
	for i, t := range schema.Types {
		words[i] = names[t]
	}
	return strings.Join(words, " or ")
}

// typeHint says how a value of the wanted type is written, where that says
// more than what the value is for.
func typeHint(schema *jsonschema.Schema) string {
	switch schema.Types[0] {
	case "boolean":
		return "write true or false, without quotes"
	case "array":
		return "write a list: `[one, two]`, or a dash before each"
	case "object":
		if len(schema.Properties) > 0 {
			return "write its keys below it: " + strings.Join(slices.Sorted(maps.Keys(schema.Properties)), ", ")
		}
	}
	return ""
}

func enumNames(schema *jsonschema.Schema) string {
	names := make([]string, len(schema.Enum))
	for i, e := range schema.Enum {
		names[i] = fmt.Sprint(e)
	}
	return strings.Join(names, ", ")
}

// purpose quotes what a schema says its value is for.
func purpose(schema *jsonschema.Schema) string {
	for schema != nil && schema.Ref != nil && schema.Description == "" {
		schema = schema.Ref
	}
	if schema == nil || schema.Description == "" {
		return ""
	}
	return ": " + phrase(schema.Description)
}

// phrase turns a sentence of a schema into part of a hint.
func phrase(sentence string) string {
	first, width := utf8.DecodeRuneInString(sentence)
	next, _ := utf8.DecodeRuneInString(sentence[width:])
	if !unicode.IsUpper(next) { // but URL stays
		sentence = string(unicode.ToLower(first)) + sentence[width:]
	}
	return strings.TrimSuffix(sentence, ".")
}

// IsName reports whether a key is a plain word, as all keys of our schemas
// are. Anything else may be a secret that somebody put in the place of a key,
// and is not repeated.
func IsName(key string) bool {
	return len(key) <= 32 && strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == ""
}

// fieldName is how a person calls the value at pointer.
func fieldName(pointer string) string {
	if pointer == "" || pointer == "/" {
		return "the document"
	}
	words := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	last := unescapePointer.Replace(words[len(words)-1])
	if strings.Trim(last, "0123456789") == "" && len(words) > 1 {
		return fmt.Sprintf("%s[%s]", unescapePointer.Replace(words[len(words)-2]), last)
	}
	if _, err := ParseSubject(last); err != nil && !IsName(last) {
		return "this entry"
	}
	return last
}

// within names the mapping at pointer, for a message about one of its keys.
func within(pointer string) string {
	if pointer == "" || pointer == "/" {
		return ""
	}
	return " in " + fieldName(pointer)
}

// Nearest returns the candidate closest to word, if it is close enough to be
// a slip: equal without case, dashes and underscores, or at most two edits
// (swapped neighbours count as one) away.
func Nearest(word string, candidates []string) (string, bool) {
	best, distance := "", 3
	word = plain(word)
	for _, c := range candidates {
		other := plain(c)
		if len(word)-len(other) >= distance || len(other)-len(word) >= distance {
			continue // each edit changes the length by one at most
		}
		d := editDistance(word, other)
		if d < distance && d < max(len(c)-1, 1) {
			best, distance = c, d
		}
	}
	return best, best != ""
}

func plain(word string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(word), "_", ""), "-", "")
}

// editDistance counts insertions, deletions, substitutions and swaps of
// neighbours (optimal string alignment) between two short words.
func editDistance(a, b string) int {
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
