package schemas_test

import (
	"testing"

	"lockstep/schemas"
)

// TestUnknownKeyWithoutValue: a null keeps the default of a known key, but an
// unknown key is refused by the decoder whatever it holds.
func TestUnknownKeyWithoutValue(t *testing.T) {
	t.Parallel()
	schema, err := schemas.Compile(schemas.KindAgent)
	if err != nil {
		t.Fatal(err)
	}
	const listener = "listeners: [{endpoint_id: e, addr: '80', timeout: 1s}]\n"
	for source, want := range map[string]int{
		listener + "connekt:\n":              1,
		listener + "connect: {utl: ~}\n":     1,
		listener + "connect:\n":              0,
		listener + "connect: {url: null}\n":  0,
		listener + "~:\n":                    0, // the agent skips null keys
		listener + "connect: {<<: {x: ~}}\n": 1,
	} {
		doc, err := schemas.ParseDocument("f.yaml", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		checked := schema.Check(doc)
		if len(checked.Violations) != want {
			t.Errorf("%s: %d violations %v, want %d", source, len(checked.Violations), checked.Violations, want)
		}
		if _, err := schemas.DecodeAgent(doc); (err != nil) != (want > 0) {
			t.Errorf("%s: the decoder says %v", source, err)
		}
	}
}
