package itest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// dialects are mappings, one for each place where people keep the fields of a
// line, by how their engines are asked. The server of 2018 reads JSON by
// functions that are long forgotten.
func dialects() map[string]string {
	return map[string]string{
		"columns_2018": `{clickhouse: {table: auth, time: time_ms}, victorialogs: {}}`,
		"json_2018": `{clickhouse: {table: auth, time: time_ms, body: body, fields: {` + visited("node", "app", "key", "client", "outcome", "reason") +
			`, status: "toString(visitParamExtractInt(body, 'status'))"}}}`,
		"columns": `{clickhouse: {table: auth, time: toUnixTimestamp64Milli(time), time_column: time}}`,
		"otel":    `{clickhouse: {table: otel_logs, preset: otel}}`,
		"json":    `{clickhouse: {table: bodies, preset: json, time: toUnixTimestamp64Milli(Timestamp), time_column: Timestamp}}`,
		"fields":  `{victorialogs: {}}`,
		"duck":    `{duckdb: {table: auth, time: epoch_ms(time), time_column: time}}`,
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
    databases: %s
`

// subjects are in the rollout, each of an app of its own.
const subjects = 4

// writePolicy writes what evidence and plan need into a directory.
func writePolicy(t testing.TB, dir string) {
	t.Helper()
	policy := policyHead
	for _, name := range slices.Sorted(maps.Keys(dialects())) {
		policy += fmt.Sprintf(policyMapping, name, dialects()[name])
	}
	rollout := "version: 1\nenvironment: eu\ntier: staging\nsubjects:\n"
	for app := range subjects {
		rollout += fmt.Sprintf("  key/app-%d/k1: {mode: observe, since: %s, secret: 'file:%s'}\n", app, moment(firstDay()), passwordFile)
	}
	for name, text := range map[string]string{"lockstep.yaml": policy, "rollout.yaml": rollout, passwordFile: chPassword} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

const passwordFile = "password"
