package apollo_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/accesskey"
	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// A hand is a clock that a test turns.
type hand struct {
	mu sync.Mutex
	at time.Time
}

func (h *hand) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hand) turn(by time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(by)
}

// TestStandIn reads what a config service of each version, which somebody else
// has built from the facts, logs of requests over three days.
func TestStandIn(t *testing.T) {
	t.Parallel()
	for _, version := range []string{"2.3.0", "2.4.0", "2.5.2", "3.0.0"} {
		for _, layout := range []apollotest.Layout{apollotest.LayoutFile, apollotest.LayoutConsole, apollotest.LayoutColor} {
			t.Run(version+" "+string(layout), func(t *testing.T) {
				t.Parallel()
				clock := &hand{at: time.Date(2026, 11, 18, 12, 0, 0, 0, time.UTC)}
				opts := apollotest.Options{Now: clock.now, Version: version, Layout: layout, Nodes: 2, LogDir: t.TempDir()}
				e := gatherLogs(t, &opts, askThreeDays(t, apollotest.Start(t, opts), clock, version))
				if len(e.Nodes) != 2 || e.Coverage.Unparsed != 0 || e.Exposed.Records == 0 {
					t.Errorf("%d nodes, %+v, %d times a secret", len(e.Nodes), e.Coverage, e.Exposed.Records)
				}
				var text strings.Builder
				if err := e.WriteJSON(&text); err != nil || strings.Contains(text.String(), right) || strings.Contains(text.String(), "Apollo demo:") {
					t.Errorf("error %v, or it says what it must not:\n%s", err, text.String())
				}
			})
		}
	}
}

const (
	right = "df23df3f59884980844ff3dada30fa97"
	wrong = "00000000000000000000000000000000"
)

// askThreeDays sends the same requests each day to both nodes, and returns
// how often whose failure is logged.
func askThreeDays(t *testing.T, a *apollotest.Apollo, clock *hand, version string) map[string]uint64 {
	t.Helper()
	a.AddApp(apollotest.App{ID: "demo"})
	mode := apollotest.Observer
	if version == "2.3.0" {
		mode = apollotest.Filter // there is no other
	}
	id := a.AddKey("demo", right, mode, true)
	want := map[string]uint64{}
	for range 3 {
		clock.turn(24 * time.Hour)
		a.EditKey("demo", id, func(k *apollotest.Key) { k.ModifiedBy += "x" })
		clock.turn(3 * time.Second)
		for _, node := range a.Nodes {
			for _, r := range []struct {
				client, secret string
				late           time.Duration
				reason         schemas.Reason
			}{
				{"10.0.0.1", right, 0, ""},
				{"10.0.0.2", "", 0, schemas.ReasonMissing},
				{"10.0.0.2", "", 0, schemas.ReasonMissing},
				{"10.0.0.3", wrong, 0, schemas.ReasonSignature},
				{"10.0.0.4", right, 2 * time.Minute, schemas.ReasonSkew},
				{"10.0.0.5", wrong, 2 * time.Minute, schemas.ReasonSkew},
			} {
				ask(t, node.URL, r.client, r.secret, clock.now().Add(-r.late))
				clock.turn(2 * time.Second)
				client := r.client
				if version == "2.3.0" {
					client = "(no address)"
				}
				if r.reason != "" {
					want[fmt.Sprintf("%s %s %s", node.Name, client, r.reason)]++
				}
			}
		}
	}
	return want
}

func ask(t *testing.T, url, client, secret string, at time.Time) {
	t.Helper()
	const target = "/configs/Demo/default/application"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", client)
	if secret != "" {
		headers, err := accesskey.Sign(schemas.NewSecret([]byte(secret)), "Demo", target, at)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Timestamp", headers.Timestamp)
		request.Header.Set("Authorization", headers.Authorization)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}

// gatherLogs folds the logs of all nodes, and compares whose failures are in them.
func gatherLogs(t *testing.T, opts *apollotest.Options, want map[string]uint64) *migrate.Evidence {
	t.Helper()
	files, err := migrate.NewFiles([]string{filepath.Join(opts.LogDir, "*")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	dialect, _, err := apollo.NewDialect(migrate.Selection{Name: apollo.Name, Environment: "pro", Timezone: "Asia/Shanghai"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := migrate.Gather(t.Context(), files, migrate.Options{Dialect: dialect, Environment: "pro"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	got := map[string]uint64{}
	var days []string
	for key, tally := range e.Tallies {
		got[fmt.Sprintf("%s %s %s", key.Node, key.Client, key.Reason)] += tally.Count
		days = append(days, key.Day)
	}
	slices.Sort(days)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("failures (-asked +logged):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"2026-11-19", "2026-11-20", "2026-11-21"}, slices.Compact(days)); diff != "" {
		t.Errorf("days (-want +got):\n%s", diff)
	}
	return e
}
