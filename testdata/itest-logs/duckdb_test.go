package itest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// duckTable is a table of the lines of a file.
const duckTable = `CREATE TABLE auth AS SELECT time, node, app, key, client, outcome, reason, status
FROM read_json('%s', format='newline_delimited', columns={time: 'TIMESTAMP', node: 'VARCHAR', app: 'VARCHAR', key: 'VARCHAR',
	client: 'VARCHAR', outcome: 'VARCHAR', reason: 'VARCHAR', status: 'INTEGER'})`

// duckDB makes a database of a corpus, and returns its file.
func duckDB(t testing.TB, c corpus) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "auth.duckdb")
	if out, err := exec.Command(programs.duckdb, path, "-c", fmt.Sprintf(duckTable, c.jsonl)).CombinedOutput(); err != nil {
		t.Fatalf("duckdb: %v\n%s", err, out)
	}
	return path
}

func duckDBFaults() []fault {
	return []fault{
		{"duckdb", "half a file", "", func(t testing.TB, c corpus) question {
			path := duckDB(t, c)
			info, err := os.Stat(path)
			if err == nil {
				err = os.Truncate(path, info.Size()/2)
			}
			if err != nil {
				t.Fatal(err)
			}
			return ask("duck", "sql+duckdb:"+path)
		}},
		{"duckdb", "no such table", "auth_of_another", func(t testing.TB, c corpus) question {
			return ask("duck", "sql+duckdb:"+duckDB(t, c)+"?table=auth_of_another")
		}},
	}
}
