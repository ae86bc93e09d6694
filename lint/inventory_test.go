package lint_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
	"lockstep/lint"
	"lockstep/schemas"
)

// TestInventory: what is listed of a listener, and what may not be shown.
func TestInventory(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	readFile := func(path string) ([]byte, error) {
		if path != "ca.pem" {
			return nil, errors.New("no file")
		}
		return slices.Concat(root(t, start.AddDate(1, 0, 0)), root(t, start), []byte("-----BEGIN CERTIFICATE-----\naGk=\n-----END CERTIFICATE-----\n")), nil
	}
	for _, c := range []struct{ name, fields, want string }{
		{"verified", "addr: https://h, tls: {root_cas: ca.pem}", "https yes ca.pem 2026-12-21 -"},
		{"not verified", "addr: https://h, tls: {insecure_skip_verify: on}", "https NO - - -"},
		{"the system's roots", "addr: https://h", "https yes system - -"},
		{"a file that is not there", "addr: https://h, tls: {root_cas: none.pem}", "https yes none.pem - -"},
		{"a client certificate", "addr: https://h, tls: {cert: ca.pem, key: k}", "https yes system - 2026-12-21"},
		{"plain", "addr: 8080", "http - - - -"},
		{"tcp", "addr: 8080, protocol: tcp", "tcp - - - -"},
		{"a scheme that is a secret", "addr: hunter2://h", "other - - - -"},
		{"no upstream", "addr: hunter2", "other - - - -"},
		{"content in place of a path", "addr: https://h, tls: {root_cas: \"hunter2\\n\"}", "https yes ••• - -"},
		{"PEM in place of a path", "addr: https://h, tls: {root_cas: -----BEGIN hunter2}", "https yes ••• - -"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := lint.Input{Path: "f.yaml", Tier: schemas.TierStaging, Inventory: true, ReadFile: readFile}
			report := checkInput(t, in, []byte("listeners: [{endpoint_id: a, timeout: 1s, "+c.fields+"}]"))
			var out bytes.Buffer
			if err := (lint.Inventory{}).Report(&out, []*lint.Report{report}); err != nil {
				t.Fatal(err)
			}
			_, row, _ := strings.Cut(out.String(), "\n")
			if got := strings.Join(strings.Fields(row), " "); got != "f.yaml:1 staging a "+c.want+" -" { // nothing is suppressed
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// root is the certificate of an authority, which expires 30 days after now.
func root(t *testing.T, now time.Time) []byte {
	t.Helper()
	authority, err := certs.NewAuthority(now)
	if err != nil {
		t.Fatal(err)
	}
	return authority.Root()
}

// TestInventoryCSV: no cell is a formula, and a comma ends none.
func TestInventoryCSV(t *testing.T) {
	t.Parallel()
	report := checkInput(t, lint.Input{Path: "a,b.yaml", Inventory: true}, []byte("listeners: [{endpoint_id: '=1+1', addr: https://h, timeout: 1s}]"))
	var out bytes.Buffer
	if err := (lint.InventoryCSV{}).Report(&out, []*lint.Report{report}); err != nil {
		t.Fatal(err)
	}
	if want := "\n\"a,b.yaml\",1,production,'=1+1,https,true,,,,,\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("%q, want %q at the end", out.String(), want)
	}
}
