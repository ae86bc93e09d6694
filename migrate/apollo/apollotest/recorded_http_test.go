package apollotest_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

var data = filepath.Join("..", "..", "..", "testdata", "apollo")

// TestVectors asks the stand-in what 18 signatures are worth.
func TestVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(data, "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		ID, AppID, Target, Timestamp, Verdict string
		Secrets                               []string
		Authorization                         *string
		NowMS                                 int64
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) != 18 {
		t.Fatal(len(vectors), err)
	}
	for _, v := range vectors {
		t.Run(v.ID, func(t *testing.T) {
			t.Parallel()
			clock := newClock()
			clock.set(time.UnixMilli(v.NowMS).Add(-2 * time.Second))
			a := apollotest.Start(t, apollotest.Options{Now: clock.now, LongPoll: time.Millisecond})
			for _, secret := range v.Secrets {
				a.AddKey(v.AppID, secret, apollotest.Filter, true)
			}
			clock.set(time.UnixMilli(v.NowMS))
			headers := []string{"Timestamp", v.Timestamp}
			if v.Authorization != nil {
				headers = append(headers, "Authorization", *v.Authorization)
			}
			if got := get(t, a.Nodes[0].URL+v.Target, headers...); (got.status == 401) != (v.Verdict != "ok") {
				t.Errorf("%d, want %s", got.status, v.Verdict)
			}
		})
	}
}

// TestRecordedRequests replays what real clients sent, through a node with the
// keys of the recording: the app sec enforces, obs observes, open has none.
func TestRecordedRequests(t *testing.T) {
	t.Parallel()
	const signedWithSecondKey = "Apollo sec:eMAUVng0LO7HsXT7i4x0fJU+fiE="
	file, err := os.Open(filepath.Join(data, "requests.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	clock := newClock()
	clock.set(time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	a := apollotest.Start(t, apollotest.Options{Now: clock.now, LogDir: t.TempDir(), LongPoll: time.Millisecond})
	for _, app := range []string{"sec", "obs", "open"} {
		a.AddApp(apollotest.App{ID: app})
	}
	a.AddKey("sec", secret, apollotest.Filter, true)
	a.AddKey("obs", secret, apollotest.Observer, true)
	n := 0
	for lines := bufio.NewScanner(file); lines.Scan(); n++ {
		var recorded struct {
			Time         time.Time
			Target, Auth string
			Header       http.Header
		}
		if err := json.Unmarshal(lines.Bytes(), &recorded); err != nil {
			t.Fatal(err)
		}
		var headers []string
		for _, name := range []string{"Timestamp", "Authorization"} {
			if values := recorded.Header[name]; len(values) > 0 {
				headers = append(headers, name, values[0])
			}
		}
		clock.set(recorded.Time)
		got := get(t, a.Nodes[0].URL+recorded.Target, headers...)
		refused := recorded.Auth == "Unauthorized" || recorded.Auth == "RequestTimeTooSkewed" || recorded.Header.Get("Authorization") == signedWithSecondKey
		if (got.status == 401) != refused {
			t.Errorf("%s: %d, recorded is %q", recorded.Target, got.status, recorded.Auth)
		}
	}
	if n != 91 {
		t.Errorf("%d requests, want 91", n)
	}
}
