package apollo_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/accesskey"
	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/schemas"
)

// recorded is what a real Apollo 2.5.2 answered and logged.
var recorded = filepath.Join("..", "..", "testdata", "apollo", "recorded")

// TestRealLog reads what two real config services wrote, in a file, in slices
// and on consoles, with stack traces and colours, and holds it against the
// requests that they were asked: each that failed counts once, with its app,
// client and reason, in whichever copies of the log it is.
func TestRealLog(t *testing.T) {
	t.Parallel()
	want := failures(t)
	for name, logs := range map[string][]string{
		"files":    {"node-*/apollo-configservice.log*"},
		"consoles": {"node-*/console.log.gz"},
		"both":     {"node-*/apollo-configservice.log*", "node-*/console.log.gz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := gatherRecorded(t, logs...)
			if difference := cmp.Diff(want, failuresOf(e)); difference != "" {
				t.Errorf("(-asked +logged)\n%s", difference)
			}
			if len(e.Nodes) != 2 || e.Coverage.Unparsed != 0 || !e.FailuresOnly {
				t.Errorf("%d nodes, %d lines not understood, failures only: %t", len(e.Nodes), e.Coverage.Unparsed, e.FailuresOnly)
			}
		})
	}
}

// TestRealLogOf3 reads what a real build of 3.0 wrote, whose times need no zone.
func TestRealLogOf3(t *testing.T) {
	t.Parallel()
	e := gatherIn(t, "", "3.0/node-1/apollo-configservice.log")
	got := failuresOf(e)
	if len(got) != 1 || got["node-1 key/demo (probe) missing"] < 2 || e.Coverage.Unparsed != 0 || e.Exposed.Records == 0 {
		t.Errorf("failures %v, %d lines not understood, %d with secrets", got, e.Coverage.Unparsed, e.Exposed.Records)
	}
	first := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	if e.Window.From.Sub(first).Abs() > time.Hour {
		t.Errorf("the log begins at %s", e.Window.From)
	}
}

func gatherRecorded(t *testing.T, logs ...string) *migrate.Evidence {
	t.Helper()
	return gatherIn(t, "Asia/Shanghai", logs...)
}

func gatherIn(t *testing.T, zone string, logs ...string) *migrate.Evidence {
	t.Helper()
	globs := make([]string, 0, len(logs))
	for _, log := range logs {
		globs = append(globs, filepath.Join(recorded, log))
	}
	files, err := migrate.NewFiles(globs, nil)
	if err != nil {
		t.Fatal(err)
	}
	dialect, ok, err := apollo.NewDialect(migrate.Selection{Name: apollo.Name, Environment: "pro", Timezone: zone}, nil)
	if err != nil || !ok {
		t.Fatal(err, ok)
	}
	e, err := migrate.Gather(t.Context(), files, migrate.Options{Dialect: dialect, Environment: "pro"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// failuresOf counts the tallies of failures by what they are about.
func failuresOf(e *migrate.Evidence) map[string]uint64 {
	all := map[string]uint64{}
	e.Tallies(func(key schemas.TallyKey, tally schemas.Tally) bool {
		all[fmt.Sprintf("%s %s %s %s", key.Node, key.Subject, key.Client, key.Reason)] += uint64(tally.Count)
		return true
	})
	return all
}

// failures counts the requests that were refused, or would have been.
func failures(t *testing.T) map[string]uint64 {
	t.Helper()
	file, err := os.Open(filepath.Join(recorded, "answers.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	all := map[string]uint64{}
	for decoder := json.NewDecoder(file); decoder.More(); {
		var a asked
		if err := decoder.Decode(&a); err != nil {
			t.Fatal(err)
		}
		switch a.Auth {
		case "observed", "RequestTimeTooSkewed", "Unauthorized":
			all[a.failure(t)]++
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d kinds of failure were recorded, want at least 20", len(all))
	}
	return all
}

// An asked is a request to a config service, and what its filter decided.
type asked struct {
	Server, Client, Auth string
	AtMS                 int64
	Request              struct {
		Target string
		Header map[string]string
	}
	Secrets []string
}

// failure says what the request has to count as.
func (a *asked) failure(t *testing.T) string {
	t.Helper()
	app, _, err := accesskey.AppFromTarget(a.Request.Target)
	if err != nil {
		t.Fatal(err)
	}
	var keys []*accesskey.Key
	for _, secret := range a.Secrets {
		keys = append(keys, accesskey.NewKey("k", schemas.NewSecret([]byte(secret))))
	}
	result := accesskey.Verify(keys, accesskey.Request{
		Target: a.Request.Target, Timestamp: a.header("Timestamp"), Authorization: a.header("Authorization"),
	}, time.UnixMilli(a.AtMS), time.Minute)
	client := a.Client
	if forwarded := a.header("X-Forwarded-For"); len(forwarded) > 0 {
		client, _, _ = strings.Cut(forwarded[0], ",")
	}
	if _, err := netip.ParseAddr(client); err != nil {
		client = "(no address)"
	}
	node := strings.Replace(a.Server, "config", "node", 1)
	return fmt.Sprintf("%s key/%s %s %s", node, accesskey.FoldApp(app), client, result.Reason)
}

// header lists the values of a header; its name was sent in any case.
func (a *asked) header(name string) []string {
	for sent, value := range a.Request.Header {
		if strings.EqualFold(sent, name) {
			return []string{value}
		}
	}
	return nil
}

// TestRealLogOfProbes reads what two real config services wrote while lockstep
// observed, enforced and rolled back: its own probes are known as such, and
// that the log prints secrets is told.
func TestRealLogOfProbes(t *testing.T) {
	t.Parallel()
	e := gatherRecorded(t, "story/node-*/apollo-configservice.log")
	probes := map[string]uint64{}
	for failure, count := range failuresOf(e) {
		node, rest, _ := strings.Cut(failure, " ")
		probes[node] += count
		if !strings.HasSuffix(rest, " (probe) missing") {
			t.Errorf("%s is no probe", failure)
		}
	}
	if probes["node-1"] < 20 || probes["node-2"] < 20 || len(probes) != 2 || e.Coverage.Unparsed != 0 || e.Exposed.Records < 30 {
		t.Errorf("probes %v, %d lines not understood, %d with secrets", probes, e.Coverage.Unparsed, e.Exposed.Records)
	}
}
