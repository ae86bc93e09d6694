package lint_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/lint"
	"lockstep/schemas"
)

// TestMaskedLines: keys and harmless values are shown as they stand there,
// all else is masked, and comments are gone.
func TestMaskedLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, source, want string }{
		{"harmless values", "listeners:\n  - endpoint_id: svc # why\n    timeout: 10s\n    protocol: tcp", "listeners:\n  - endpoint_id: svc\n    timeout: 10s\n    protocol: tcp"},
		{"other values", "connect:\n  token: hunter2\n  tenant_id: 'a'\n  tls: {root_cas: x}", "connect:\n  token: •••\n  tenant_id: •••\n  tls: {root_cas: •••}"},
		{"values that do not look like their field", "log: {level: hunter2}\ngrace_period: 12345678s", "log: {level: •••}\ngrace_period: •••"},
		{"addresses", "listeners: [{addr: 'https://h:1/p?q=1'}, {addr: https://u:p@h}, {addr: h}, {addr: '80'}, {addr: '[::1]:80'}]", "listeners: [{addr: 'https://h:1•••}, {addr: •••}, {addr: •••}, {addr: '80'}, {addr: '[::1]:80'}]"},
		{"an address that is a number", "listeners: [{addr: 123456}]", "listeners: [{addr: •••}]"},
		{"anchors, tags and aliases", "log: {level: &a !!str info, subsystems: [*a]}", "log: {level: ••• info, subsystems: [•••]}"},
		{"an escape", `log: {level: "inf\x6f"}`, "log: {level: •••}"},
		{"a block of text", "connect:\n  token: | # c\n    a b\n    # c\n  tenant_id: x", "connect:\n  token: •••\n    •••\n\n  tenant_id: •••"},
		{"a folded text", "connect:\n  token: a\n    level, b\n  tenant_id: 'c\n    level: d'", "connect:\n  token: •••\n    •••\n  tenant_id: •••\n    •••"},
		{"a key where a text is expected", "connect: {token: {hunter2: 1}, tenant_id: [a: 1]}", "connect: {token: {•••: •••}, tenant_id: [•••: •••]}"},
		{"a key that is a collection", "? [hunter2]\n: info\nlog: {? {a: b}: c}", "? [•••]\n: •••\nlog: {? {•••: •••}: •••}"},
		{"an unknown key", "loggg: {level: info}\nlog: {lvel: info}", "loggg: {•••: info}\nlog: {lvel: •••}"},
		{"a merge", "log: {<<: {level: info}}", "log: {<<: {level: info}}"},
		{"a second document", "log: {level: info}\n--- hunter2\n# hunter2", "log: {level: info}\n--- •••\n"},
		{"tabs", "log:\t{level:\tinfo}\t# x", "log: {level: info}"},
		{"what is not a name", "log: {l\u200bvel: x}", "log: {•••: •••}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			doc, err := schemas.ParseDocument("f.yaml", []byte(c.source))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range lint.MaskedLines(doc) {
				got = append(got, s.Text)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("lines differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSnippets: the caret is below what is meant, also where runes are wide,
// the line is long, or the terminal is narrow.
func TestSnippets(t *testing.T) {
	t.Parallel()
	many := strings.Repeat("{endpoint_id: 日本, addr: '80', timeout: 1s}, ", 20)
	const skipping = "{endpoint_id: 日本語,\taddr: https://h, timeout: 10s, tls: {insecure_skip_verify: yes}}"
	var out bytes.Buffer
	for _, source := range []string{
		"listeners: [" + skipping + "]", "listeners: [" + many + skipping + ", " + many + "]",
		"log: {level: info}\nlog: {level: debug}", "# only a comment", "listeners:\n  - timeout: x",
	} {
		report := checkInput(t, lint.Input{Path: "f.yaml", Tier: schemas.TierProduction}, []byte(source))
		report.Findings = distinct(report.Findings)
		for _, width := range []int{0, 50} {
			if err := (lint.Text{Width: width}).Report(&out, []*lint.Report{report}); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join("testdata", "snippets.txt")
	text, err := os.ReadFile(path)
	if err != nil && os.Getenv("UPDATE") == "" {
		t.Fatal(err)
	}
	golden(t, path, text, out.Bytes())
}

// distinct keeps the first finding of each rule.
func distinct(findings []lint.Finding) []lint.Finding {
	seen := map[string]bool{}
	var first []lint.Finding
	for _, f := range findings {
		if !seen[f.Rule] {
			seen[f.Rule] = true
			first = append(first, f)
		}
	}
	return first
}
