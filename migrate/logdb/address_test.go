package logdb

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

func TestParseAddress(t *testing.T) {
	t.Parallel()
	const timeout, lateness = defaultTimeout, defaultLateness
	for text, want := range map[string]Address{
		"clickhouse://ch": {Engine: schemas.EngineClickHouse, Host: "ch:8123", Timeout: timeout, Lateness: lateness},
		"clickhouse+https://reader@ch:9/logs?table=auth&password=file:pw&ca=ca.pem&timeout=90s&lateness=1d": {
			Engine: schemas.EngineClickHouse, TLS: true, Host: "ch:9", Path: "logs", User: "reader", Table: "auth",
			Password: "file:pw", CA: "ca.pem", Timeout: 90 * time.Second, Lateness: 24 * time.Hour,
		},
		"victorialogs+https://[::1]/vl/?token=env:T&accountid=3&projectid=7": {
			Engine: schemas.EngineVictoriaLogs, TLS: true, Host: "[::1]:9428", Path: "vl", Token: "env:T",
			Tenant: Tenant{"3", "7"}, Timeout: timeout, Lateness: lateness,
		},
		"sql+duckdb:/data/a b.duckdb?table=auth":      {Engine: schemas.EngineDuckDB, Path: "/data/a b.duckdb", Table: "auth", Timeout: timeout, Lateness: lateness},
		"sql+duckdb:?table=read_parquet('*.parquet')": {Engine: schemas.EngineDuckDB, Table: "read_parquet('*.parquet')", Timeout: timeout, Lateness: lateness},
	} {
		got, err := ParseAddress(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

// What is refused may hold a password, and is never quoted.
func TestParseAddressRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"mysql://u:hunter2@db/x":                          "there is no such log database",
		"clickhouse://u:hunter2@ch/logs":                  "it holds a password",
		"clickhouse://u:hunter2@ch:port/logs":             "it is not an address",
		"clickhouse:///logs":                              "it is not an address",
		"clickhouse:hunter2":                              "it is not an address",
		"clickhouse://ch/logs?password=hunter2":           "password: a secret has to be a reference",
		"clickhouse://ch/logs?token=hunter2":              "token: a secret has to be a reference",
		"clickhouse://ch/logs?tabel=x":                    `"tabel" is no parameter of it`,
		"clickhouse://ch/logs?table=a&table=b":            `"table" is no parameter of it, or stands there twice`,
		"clickhouse://ch/logs?timeout=fast":               "timeout: not a duration",
		"clickhouse://ch/logs?password=env:A&token=env:B": "there are a password and a token",
		"victorialogs://vl?table=x":                       `"table" is no parameter of it`,
		"sql+duckdb:-cmd":                                 "the file begins with a dash",
		"sql+duckdb:x?password=env:A":                     `"password" is no parameter of it`,
		"clickhouse://ch/logs?%zz":                        "what is behind the question mark cannot be read",
	} {
		_, err := ParseAddress(text)
		switch {
		case err == nil:
			t.Errorf("%s: no error", text)
		case !strings.HasPrefix(err.Error(), want), len(schemas.Hints(err)) == 0:
			t.Errorf("%s: %v, hints %q; want %s", text, err, schemas.Hints(err), want)
		case strings.Contains(err.Error()+strings.Join(schemas.Hints(err), ""), "hunter2"):
			t.Errorf("%s: the error quotes it: %v", text, err)
		}
	}
}

func TestAddressNamesTheDatabaseAlone(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"clickhouse+https://reader@ch/logs?table=auth&password=env:P": "clickhouse+https://ch:8443/logs?table=auth",
		"victorialogs://vl?accountid=1&projectid=2&token=env:T":       "victorialogs://vl:9428?accountid=1&projectid=2",
		"sql+duckdb:x.duckdb": "sql+duckdb:x.duckdb",
	} {
		if a, err := ParseAddress(text); err != nil || a.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, a, err, want)
		}
	}
}
