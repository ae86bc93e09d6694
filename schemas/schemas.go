// Package schemas is the shared vocabulary of lockstep: whatever crosses a
// process door as a document, as Go types beside their JSON Schemas.
//
// A [Document] is parsed once and knows where each of its tokens stands. A
// [Schema] judges it and returns each [Violation] with its place. An
// [Expansion] puts variables in a text before it is parsed. The types
// that follow ([Agent], [Policy], [Rollout], [Inventory], [Plan], [Event],
// [JournalEntry]) are what the rooms of lockstep exchange; the words they use
// ([Mode], [Tier], [Subject], [Tally], [Secret]) mean the same everywhere.
package schemas

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

//go:embed *.schema.json
var files embed.FS

// A Kind names a schema.
type Kind string

// The kinds of documents.
const (
	KindAgent     Kind = "agent"     // Piko's own agent config
	KindPolicy    Kind = "policy"    // lockstep.yaml
	KindRollout   Kind = "rollout"   // modes of one environment
	KindInventory Kind = "inventory" // clients that should exist
	KindPlan      Kind = "plan"      // a proposal to change a rollout
	KindEvent     Kind = "event"     // one line of an event log
	KindJournal   Kind = "journal"   // one line of a rollout's journal

	KindLintReport Kind = "lint-report"   // what lint prints as JSON; its Go type lives in lint
	KindBaseline   Kind = "lint-baseline" // findings of lint that are known
	KindLintProbe  Kind = "lint-probe"    // what upstreams answered to lint

	KindOverrides Kind = "overrides" // what a process holds against its rollout
	KindScan      Kind = "scan"      // the header of a scan file; its Go type lives in migrate
	KindCtl       Kind = "ctl"       // what ctl prints as JSON; its Go types live in runtime/admin
)

// Kinds lists every kind that has a schema.
func Kinds() []Kind {
	return []Kind{KindAgent, KindPolicy, KindRollout, KindInventory, KindPlan, KindEvent, KindJournal, KindLintReport, KindBaseline, KindLintProbe, KindOverrides, KindScan, KindCtl}
}

// Text returns the JSON Schema of kind, as published.
func Text(kind Kind) ([]byte, error) {
	text, err := files.ReadFile(string(kind) + ".schema.json")
	if err != nil {
		names := make([]string, len(Kinds()))
		for i, k := range Kinds() {
			names[i] = string(k)
		}
		return nil, Hint(fmt.Errorf("there is no schema %q", kind), "use one of "+strings.Join(names, ", "))
	}
	return text, nil
}

// A Schema is a compiled JSON Schema. It may be used by many goroutines.
type Schema struct{ compiled *jsonschema.Schema }

// compiled has each schema compiled when it is first asked for: that takes
// longer than to judge most documents.
var compiled = sync.OnceValue(func() map[Kind]func() (*Schema, error) {
	all := map[Kind]func() (*Schema, error){}
	for _, kind := range Kinds() {
		all[kind] = sync.OnceValues(func() (*Schema, error) { return compilePublished(kind) })
	}
	return all
})

// Compile returns the embedded schema of kind, compiled once. It never fetches
// anything: a schema that refers to another one does not compile.
func Compile(kind Kind) (*Schema, error) {
	if schema, ok := compiled()[kind]; ok {
		return schema()
	}
	return compilePublished(kind)
}

func compilePublished(kind Kind) (*Schema, error) {
	text, err := Text(kind)
	if err != nil {
		return nil, err
	}
	return compile(kind, text)
}

func compile(kind Kind, text []byte) (*Schema, error) {
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft2020
	c.ExtractAnnotations, c.AssertFormat = true, true
	c.LoadURL = func(url string) (io.ReadCloser, error) {
		return nil, fmt.Errorf("schema %s refers to %s, and nothing is fetched", kind, url)
	}
	url := "lockstep:" + string(kind)
	if err := c.AddResource(url, bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("read schema %s: %w", kind, err)
	}
	schema, err := c.Compile(url)
	if err != nil {
		return nil, fmt.Errorf("compile schema %s: %w", kind, err)
	}
	return &Schema{compiled: schema}, nil
}

// article is the one that goes before a word.
func article(word string) string {
	if strings.ContainsAny(word[:1], "aeiou") {
		return "an"
	}
	return "a"
}

// decodeYAML judges doc by the schema of kind and reads it into out, which
// may hold defaults. Every violation is reported, with its place.
func decodeYAML(doc *Document, kind Kind, out any) (*Checked, error) {
	schema, err := Compile(kind)
	if err != nil {
		return nil, err
	}
	if doc.Root == nil {
		return nil, doc.Fault(nil, fmt.Sprintf("the file is empty, %s %s is expected", article(string(kind)), kind),
			fmt.Sprintf("`lockstep schema %s` prints what belongs in it", kind))
	}
	checked := schema.Check(doc)
	if len(checked.Violations) > 0 {
		return nil, Faults(doc.Path, checked.Violations)
	}
	if err := doc.Root.Decode(out); err != nil {
		return nil, doc.typeFault(kind, err)
	}
	return checked, nil
}

// decodeLine reads one JSON line strictly: nothing unknown, nothing after it.
func decodeLine(line []byte, out any) error {
	dec := json.NewDecoder(bytes.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(out); err != nil {
		// The decoder's own words may quote a value.
		return errors.New("not a JSON object with the fields of its schema")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text after the JSON object")
	}
	return nil
}
