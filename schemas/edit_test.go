package schemas_test

import (
	"errors"
	"testing"

	"lockstep/schemas"
)

func edit(line, from, to int, text string) schemas.Edit {
	return schemas.Edit{Span: schemas.Span{
		Start: schemas.Position{Line: line, Column: from}, End: schemas.Position{Line: line, Column: to},
	}, Text: text}
}

// TestEdit changes what it is told to, whatever stands around it.
func TestEdit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		source string
		edits  []schemas.Edit
		want   string
	}{
		{"a: 1\n", nil, "a: 1\n"},
		{"a: 1\r\nb: 2\r\n", []schemas.Edit{edit(2, 4, 5, "3"), edit(1, 4, 4, "0")}, "a: 01\r\nb: 3\r\n"},
		{"\ufeffé: ü\u2028b: 2\rc: 3", []schemas.Edit{edit(1, 4, 5, "x"), edit(2, 4, 5, ""), edit(3, 1, 2, "cc")}, "\ufeffé: x\u2028b: \rcc: 3"},
		{"a: 1\nb: 2", []schemas.Edit{{Span: schemas.Span{Start: schemas.Position{Line: 2, Column: 1}, End: schemas.Position{Line: 3, Column: 1}}}}, "a: 1\n"},
	} {
		doc, err := schemas.ParseDocument("f.yaml", []byte(c.source))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := doc.Edit(c.edits); err != nil || string(got) != c.want {
			t.Errorf("%q: %q, %v; want %q", c.source, got, err, c.want)
		}
	}
}

func TestEditRefuses(t *testing.T) {
	t.Parallel()
	doc, err := schemas.ParseDocument("f.yaml", []byte("a: 12\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doc.Edit([]schemas.Edit{edit(1, 4, 6, "3"), edit(1, 5, 6, "4")}); err == nil {
		t.Error("edits may overlap")
	}
	for _, source := range []string{"\xff\xfea\x00", "\xfe\xff\x00a"} {
		doc, err := schemas.ParseDocument("f.yaml", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := doc.Edit(nil); !errors.Is(err, schemas.ErrUTF16) || len(schemas.Hints(err)) == 0 {
			t.Errorf("UTF-16: %v", err)
		}
	}
}

// TestMend: an edit is offered only where it cannot mean anything else.
func TestMend(t *testing.T) {
	t.Parallel()
	const listener = "listeners: [{endpoint_id: a, addr: '80', "
	for source, want := range map[string]string{
		listener + "timout: 1s}]":                                       listener + "timeout: 1s}]",
		listener + `"time-out": 1s}]`:                                   listener + `"timeout": 1s}]`,
		listener + "'Timeout': 1s}]":                                    listener + "'timeout': 1s}]",
		listener + "timeout: 10}]":                                      listener + "timeout: 10s}]",
		listener + "timeout: 1s, tls: {insecure_skip_verify: 'true'}}]": listener + "timeout: 1s, tls: {insecure_skip_verify: true}}]",
		// Not certain what was meant.
		listener + "timeout: 1s, timout: 2s}]":                          "",
		listener + "timeout: ~, timout: 2s}]":                           "",
		listener + "timout: 1s, timeot: 2s}]":                           "",
		listener + "&x timout: 1s}]":                                    "",
		listener + "!!str timout: 1s}]":                                 "",
		listener + "nothing: 1s}]":                                      "",
		listener + "timeout: 0}]":                                       "",
		listener + "timeout: 010}]":                                     "",
		listener + "timeout: 1_0}]":                                     "",
		listener + "timeout: -1}]":                                      "",
		listener + "timeout: !!int 10}]":                                "",
		listener + "timeout: &t 10}]":                                   "",
		listener + "timeout: 1s, tls: {insecure_skip_verify: 'ture'}}]": "",
	} {
		doc, err := schemas.ParseDocument("f.yaml", []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		schema, err := schemas.Compile(schemas.KindAgent)
		if err != nil {
			t.Fatal(err)
		}
		var edits []schemas.Edit
		for _, v := range schema.Check(doc).Violations {
			edits = append(edits, v.Edits...)
		}
		if len(edits) == 0 && want == "" {
			continue
		}
		if got, err := doc.Edit(edits); err != nil || string(got) != want {
			t.Errorf("%s\n got %s, %v\nwant %s", source, got, err, want)
		}
	}
}
