package schemas_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// violations judges source as kind and writes each violation on one line.
func violations(t *testing.T, kind schemas.Kind, source string) []string {
	t.Helper()
	schema, err := schemas.Compile(kind)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := schemas.ParseDocument("t.yaml", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, v := range schema.Check(doc).Violations {
		lines = append(lines, fmt.Sprintf("%d:%d-%d %s: %s (%s)",
			v.Span.Start.Line, v.Span.Start.Column, v.Span.End.Column, v.Keyword, v.Message, v.Hint))
	}
	return lines
}

const listener = "listeners:\n  - endpoint_id: e\n    addr: \"8080\"\n    timeout: 10s\n"

func TestViolations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, source string
		want         []string
	}{
		{"clean", listener, nil},
		{"unknown key", listener + "    timout: 1s\n", []string{
			"5:5-11 additionalProperties: there is no key \"timout\" in listeners[0] (did you mean `timeout`?)",
		}},
		{"missing key", "listeners:\n  - endpoint_id: e\n    addr: \"1\"\n", []string{
			"2:5-16 required: timeout is missing in listeners[0] (add `timeout:`: how long a request may take, such as 10s)",
		}},
		{"duplicate key", listener + "    timeout: 11s\n", []string{
			"5:5-12 duplicateKey: key \"timeout\" is there already, on line 4 (keep one of the two)",
		}},
		{"bare number", strings.Replace(listener, "10s", "10", 1), []string{
			"4:14-16 type: timeout is not a duration (a duration in Go's syntax, such as 10s or 1h30m)",
		}},
		{"word in a flag", listener + "    tls: {insecure_skip_verify: maybe}\n", []string{
			"5:33-38 type: insecure_skip_verify is not true or false (write true or false, without quotes)",
		}},
		{"old access log", listener + "    access_log: true\n", []string{
			"5:17-21 type: access_log is not a mapping (write its keys below it: disable, level, request_headers, response_headers)",
		}},
		{"unknown word", listener + "    protocol: udp\n", []string{
			"5:15-18 enum: protocol is none of the allowed values (use one of http, tcp, )",
		}},
		{"through an alias", listener + "  - &l\n    endpoint_id: f\n    addr: \"1\"\n    timeout: 5\n  - *l\n", []string{
			"8:14-15 type: timeout is not a duration (a duration in Go's syntax, such as 10s or 1h30m)",
			"8:14-15 type: timeout is not a duration (a duration in Go's syntax, such as 10s or 1h30m)",
		}},
		{"through a merge", "listeners:\n  - <<: {timout: 1s}\n    endpoint_id: e\n    addr: \"1\"\n    timeout: 1s\n", []string{
			"2:10-16 additionalProperties: there is no key \"timout\" in listeners[0] (did you mean `timeout`?)",
		}},
		{"self-containing", "listeners: &a\n  - *a\n", []string{
			"1:12-14 minItems: listeners is empty (the endpoints to register)",
			"2:5-7 alias: this alias contains itself (write the value out)",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, violations(t, schemas.KindAgent, test.source)); diff != "" {
				t.Errorf("violations differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestAliasBomb makes sure that a few lines cannot keep lint busy.
func TestAliasBomb(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("a0: &a0 [x]\n")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [*a%d, *a%d]\n", i, i, i-1, i-1)
	}
	began := time.Now()
	lines := violations(t, schemas.KindAgent, b.String())
	if !strings.Contains(strings.Join(lines, "\n"), "unfold to too many values") {
		t.Errorf("no complaint about aliases in %d violations", len(lines))
	}
	if took := time.Since(began); took > 30*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	keys := []string{"endpoint_id", "timeout", "addr", "tls"}
	for word, want := range map[string]string{
		"timout": "timeout", "tiemout": "timeout", "EndpointID": "endpoint_id", "endpoint-id": "endpoint_id",
		"adr": "addr", "x": "", "certificate": "",
	} {
		if got, ok := schemas.Nearest(word, keys); got != want || ok != (want != "") {
			t.Errorf("Nearest(%q) = %q, %v; want %q", word, got, ok, want)
		}
	}
}

// TestCheckedValues: a null is no value, and a number is one as the agent
// reads it.
func TestCheckedValues(t *testing.T) {
	t.Parallel()
	schema, err := schemas.Compile(schemas.KindAgent)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := schemas.ParseDocument("f.yaml", []byte("listeners: [~, {http_client: {max_idle_conns: -1.5}, tls: ~, addr: x}]"))
	if err != nil {
		t.Fatal(err)
	}
	checked := schema.Check(doc)
	for pointer, want := range map[string]bool{
		"": true, "/listeners": true, "/listeners/0/addr": true, "/listeners/0/addr/x": false, "/listeners/0/tls": false,
		"/listeners/0/tls/cert": false, "/listeners/1": false, "/listeners/0/http_client/max_idle_conns": true,
	} {
		if got := checked.Has(pointer); got != want {
			t.Errorf("%q is there: %v", pointer, got)
		}
	}
	if n, ok := checked.Int("/listeners/0/http_client/max_idle_conns"); n != -1 || !ok {
		t.Errorf("got %d, %v", n, ok)
	}
	if n, ok := checked.Int("/listeners/0/addr"); ok {
		t.Errorf("a text is the number %d", n)
	}
}

// TestCheckOfAnyDocument checks documents by the schema of another kind: each is
// told where it does not fit, also where a schema is a choice of several.
func TestCheckOfAnyDocument(t *testing.T) {
	t.Parallel()
	documents := []string{"version: 1\n", "listeners: []\n", "[]\n", "kind: status\nversions: 3\n", "a: {b: [c, null]}\n", "3\n"}
	for _, kind := range schemas.Kinds() {
		schema, err := schemas.Compile(kind)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range documents {
			doc, err := schemas.ParseDocument("a.yaml", []byte(text))
			if err != nil {
				t.Fatal(err)
			}
			violations := schema.Check(doc).Violations
			if len(violations) == 0 && text == "3\n" {
				t.Errorf("%s: a number fits", kind)
			}
			for _, v := range violations {
				if v.Message == "" || v.Span.Start.Line == 0 {
					t.Errorf("%s: %q has a violation without words or place: %+v", kind, text, v)
				}
			}
		}
	}
}
