package itest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A database is how a mapping asks an engine, as a policy says it.
type database struct{ dialect, engine, text string }

// databases are a dialect for each place where people keep the fields of a
// line. The server of 2018 reads JSON by functions that are long forgotten.
func databases() []database {
	return []database{
		{"columns_2018", "clickhouse", `{table: auth, time: time_ms}`},
		{"json_2018", "clickhouse", `{table: auth, time: time_ms, body: body, fields: {` + visited("node", "app", "key", "client", "outcome", "reason") +
			`, status: "toString(visitParamExtractInt(body, 'status'))"}}`},
		{"columns", "clickhouse", `{table: auth, time: toUnixTimestamp64Milli(time), time_column: time}`},
		{"otel", "clickhouse", `{table: otel_logs, preset: otel}`},
		{"json", "clickhouse", `{table: bodies, preset: json, time: toUnixTimestamp64Milli(Timestamp), time_column: Timestamp}`},
		{"fields", "victorialogs", `{}`},
		{"duck", "duckdb", `{table: auth, time: epoch_ms(time), time_column: time}`},
	}
}

func visited(names ...string) string {
	fields := make([]string, len(names))
	for i, name := range names {
		fields[i] = fmt.Sprintf(`%s: "visitParamExtractString(body, '%[1]s')"`, name)
	}
	return strings.Join(fields, ", ")
}

const policyHead = `version: 1
environments:
  eu: {tier: staging, nodes: [gateway-0, gateway-1, gateway-2]}
gates:
  staging: {min_window: 1d, clean_for: 1h, min_observations: 1}
mappings:
`

const policyMapping = `  %s:
    environment: eu
    format: json
    select: app != nil
    time: time
    node: node
    app: app
    key: key
    client: [{from: client, how: verified}]
    ok: outcome == "pass" && status < 400
    fail: outcome == "fail"
    reasons: {skew: reason == "expired_timestamp", missing: reason == "missing_header", unknown_key: reason == "unknown_key"}
    nodes: [gateway-0, gateway-1, gateway-2]
    databases: {%s: %s}
`

// writePolicy writes what evidence and plan need into a directory.
func writePolicy(t testing.TB, dir string) {
	t.Helper()
	policy := policyHead
	for _, d := range databases() {
		policy += fmt.Sprintf(policyMapping, d.dialect, d.engine, d.text)
	}
	rollout := "version: 1\nenvironment: eu\ntier: staging\nsubjects:\n"
	for app := range 4 {
		rollout += fmt.Sprintf("  key/app-%d/k1: {mode: observe, since: %s, secret: 'file:%s'}\n", app, moment(firstDay()), passwordFile)
	}
	for name, text := range map[string]string{"lockstep.yaml": policy, "rollout.yaml": rollout, passwordFile: chPassword} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const passwordFile = "password"
