package migrate

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// editRollout returns the text of a rollout file, changed to say what want
// says. Only values that differ are touched: every comment, blank line, quote
// and byte beside them stays, as the file belongs to people. The result is read
// again; if it does not say exactly what want says, it is an error instead.
func editRollout(doc *schemas.Document, was, want *schemas.Rollout) ([]byte, error) {
	e := &editor{doc: doc, place: newPlaces(doc.Source)}
	if err := e.rollout(was, want); err != nil {
		return nil, err
	}
	text, err := e.apply()
	if err != nil {
		return nil, err
	}
	if !says(doc.Path, text, want) {
		return nil, schemas.Hint(fmt.Errorf("%s: cannot be edited without changing something else", doc.Path),
			"write modes and times as plain values on one line each, in UTF-8, without aliases")
	}
	return text, nil
}

// says reports whether text, read as a rollout file, equals want.
func says(path string, text []byte, want *schemas.Rollout) bool {
	doc, err := schemas.ParseDocument(path, text)
	if err != nil {
		return false
	}
	got, err := schemas.DecodeRollout(doc)
	return err == nil && got.Digest() == want.Digest() && got.Journal == want.Journal
}

// A replacement puts text in the place of the bytes from start to end.
type replacement struct {
	start, end int
	text       string
}

// An editor collects replacements in the text of a document.
type editor struct {
	doc          *schemas.Document
	place        places
	replacements []replacement
}

func (e *editor) rollout(was, want *schemas.Rollout) error {
	subjects := field(e.doc.Root, "subjects").value
	for _, name := range want.Names() {
		if was.Subjects[name] == want.Subjects[name] {
			continue
		}
		if err := e.subject(field(subjects, name).value, was.Subjects[name], want.Subjects[name]); err != nil {
			return fmt.Errorf("edit %s: %w", name, err)
		}
	}
	return e.journal(want.Journal)
}

func (e *editor) subject(node *yaml.Node, was, want schemas.RolloutSubject) error {
	if was.Mode != want.Mode {
		if err := e.set(node, "mode", "mode", string(want.Mode)); err != nil {
			return err
		}
	}
	if !was.Since.Equal(want.Since) {
		if err := e.set(node, "since", "mode", want.Since.Format(time.RFC3339Nano)); err != nil {
			return err
		}
	}
	if was.Batch != want.Batch {
		if err := e.set(node, "batch", "mode", want.Batch); err != nil {
			return err
		}
	}
	if want.Until.IsZero() && want.Share == 0 { // steps end brownouts and shares, and begin none
		return e.remove(node, "until", "then", "share")
	}
	return nil
}

// journal names the last entry. A new block stands below the tier, on one line.
func (e *editor) journal(ref schemas.JournalRef) error {
	seq := strconv.FormatUint(ref.Seq, 10)
	if block := field(e.doc.Root, "journal").value; block != nil && block.Kind == yaml.MappingNode {
		return errors.Join(e.set(block, "seq", "head", seq), e.set(block, "head", "seq", ref.Head))
	}
	quote := quoteOf(field(e.doc.Root, "tier").key)
	block := fmt.Sprintf("{%sseq%s: %s, %shead%s: %s%s%s}", quote, quote, seq, quote, quote, quote, ref.Head, quote)
	return e.setRaw(e.doc.Root, "journal", "tier", block)
}

// set writes the value of a field of mapping, quoted as its neighbours are.
// A new field stands after the one called after.
func (e *editor) set(mapping *yaml.Node, name, after, value string) error {
	f := field(mapping, name)
	quote := quoteOf(f.value)
	if isNumber := strings.Trim(value, "0123456789") == ""; quote == "" && !isNumber {
		quote = quoteOf(cmp.Or(f.key, field(mapping, after).key)) // as in JSON
	}
	return e.setRaw(mapping, name, after, quote+value+quote)
}

// setRaw writes text as the value of a field.
func (e *editor) setRaw(mapping *yaml.Node, name, after, text string) error {
	f := field(mapping, name)
	switch {
	case f.value == nil:
		return e.insert(mapping, name, after, text)
	case f.value.Kind != yaml.ScalarNode:
		return e.doc.Fault(f.value, name+" is not a plain value", "write the value itself here")
	}
	start, end := e.place.span(e.doc.Span(f.value))
	if start == end { // `name:` without a value
		text = " " + text
	}
	e.replacements = append(e.replacements, replacement{start, end, text})
	return nil
}

// insert adds a field: in a flow mapping behind the value of the field called
// after, in a block mapping on a line of its own below it and its comment.
func (e *editor) insert(mapping *yaml.Node, name, after, text string) error {
	f := field(mapping, after)
	if f.value == nil {
		return e.doc.Fault(mapping, name+" cannot be added here", "write all values of this entry out, without alias or merge")
	}
	key := e.doc.Span(f.key).Start
	_, end := e.place.span(e.doc.Span(f.value))
	quote := quoteOf(f.key)
	entry := quote + name + quote + ": " + text
	if mapping.Style&yaml.FlowStyle != 0 {
		e.replacements = append(e.replacements, replacement{end, end, ", " + entry})
		return nil
	}
	next, lineBreak := e.place.nextLine(end)
	entry = strings.Repeat(" ", key.Column-1) + entry
	if lineBreak == "" { // the file ends without one
		entry = e.place.lineBreak() + entry
	}
	e.replacements = append(e.replacements, replacement{next, next, entry + lineBreak})
	return nil
}

// quoteOf is the quotation mark that a scalar is written with, if any.
func quoteOf(node *yaml.Node) string {
	switch {
	case node == nil:
		return ""
	case node.Style&yaml.DoubleQuotedStyle != 0:
		return `"`
	case node.Style&yaml.SingleQuotedStyle != 0:
		return `'`
	}
	return ""
}

// apply carries the replacements out.
func (e *editor) apply() ([]byte, error) {
	slices.SortStableFunc(e.replacements, func(a, b replacement) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end))
	})
	var text bytes.Buffer
	done := 0
	for _, r := range e.replacements {
		if r.start < done || r.end < r.start {
			return nil, schemas.Hint(fmt.Errorf("%s: one place would have to be edited twice", e.doc.Path), "write the values out, without aliases")
		}
		text.Write(e.doc.Source[done:r.start])
		text.WriteString(r.text)
		done = r.end
	}
	text.Write(e.doc.Source[done:])
	return text.Bytes(), nil
}

// An entry is a key of a mapping and its value; nil if there is no such key.
type entry struct{ key, value *yaml.Node }

// field returns the entry of a mapping called name, as written there itself:
// what comes from an alias or a merge belongs to others as well.
func field(mapping *yaml.Node, name string) entry {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return entry{}
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if key := mapping.Content[i]; key.Kind == yaml.ScalarNode && key.Value == name {
			return entry{key, mapping.Content[i+1]}
		}
	}
	return entry{}
}
