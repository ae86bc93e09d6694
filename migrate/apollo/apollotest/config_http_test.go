package apollotest_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

func TestConfigs(t *testing.T) {
	t.Parallel()
	a, _ := begin(t, apollotest.Options{})
	url := a.Nodes[0].URL
	config := get(t, url+target)
	if !strings.Contains(config.body, `"configurations":{"k":"v1"}`) {
		t.Errorf("%v", config)
	}
	_, rest, _ := strings.Cut(config.body, `"releaseKey":"`)
	key, _, _ := strings.Cut(rest, `"`)
	if got := get(t, url+target+"&releaseKey="+key); got.status != 304 {
		t.Errorf("the same release: %v", got)
	}
	for path, want := range map[string]answer{
		"/configfiles/demo/default/application":                 {200, "k=v1\n"},
		"/configfiles/json/demo/default/application.properties": {200, `{"k":"v1"}` + "\n"},
		"/configfiles/json/none":                                {400, ""},
		"/configfiles/json/demo/default":                        {404, ""},
	} {
		if got := get(t, url+path); got.status != want.status || !strings.Contains(got.body, want.body) {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if got := get(t, url+"/services/config"); !strings.Contains(got.body, `"homepageUrl":"`+url+`/"`) {
		t.Errorf("%v", got)
	}
}

// A poll is answered when there is news, and with 304 after its time.
func TestPoll(t *testing.T) {
	t.Parallel()
	a, _ := begin(t, apollotest.Options{LongPoll: 50 * time.Millisecond})
	poll := func(id string) string {
		return a.Nodes[0].URL + `/notifications/v2?appId=demo&cluster=default&notifications=%5B%7B%22namespaceName%22:%22application%22,%22notificationId%22:` + id + `%7D%5D`
	}
	news := get(t, poll("-1"))
	if want := `[{"namespaceName":"application","notificationId":1,"messages":{"details":{"demo+default+application":1}}}]` + "\n"; news.body != want {
		t.Errorf("got %v, want %s", news, want)
	}
	if got := get(t, poll("1")); got.status != 304 {
		t.Errorf("nothing new: %v", got)
	}
	patient, _ := begin(t, apollotest.Options{})
	answered := make(chan answer)
	go func() { answered <- get(t, strings.Replace(poll("1"), a.Nodes[0].URL, patient.Nodes[0].URL, 1)) }()
	for len(patient.Nodes[0].Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	patient.Publish("demo", "application", map[string]string{"k": "v2"})
	if got := <-answered; !strings.Contains(got.body, `"notificationId":2`) {
		t.Errorf("%v", got)
	}
}

// A row is written when a client loads a release, and again a day later.
func TestInstances(t *testing.T) {
	t.Parallel()
	a, clock := begin(t, apollotest.Options{Nodes: 2})
	load := func(node int) { get(t, a.Nodes[node].URL+target) }
	first := clock.now().Truncate(time.Second)
	load(0)
	get(t, a.Nodes[0].URL+"/configs/demo/default/application") // no parameter ip: the peer
	get(t, a.Nodes[0].URL+"/configfiles/demo/default/application?ip=10.0.0.8")
	for _, c := range []struct {
		after time.Duration
		node  int
		seen  time.Duration
	}{
		{time.Minute, 0, 0},
		{time.Minute, 1, 0},
		{time.Hour, 0, 0},
		{23 * time.Hour, 0, 24*time.Hour + 2*time.Minute},
		{time.Hour, 1, 25*time.Hour + 2*time.Minute},
	} {
		clock.advance(c.after)
		load(c.node)
		if rows := a.Instances(); len(rows) != 2 || rows[0].IP != "10.0.0.7" || rows[1].IP != "127.0.0.1" || !rows[0].LastTime.Equal(first.Add(c.seen)) {
			t.Errorf("after %s at node %d: %+v", c.after, c.node, rows)
		}
	}
}

func TestAccessLogAndRotation(t *testing.T) {
	t.Parallel()
	a, clock := begin(t, apollotest.Options{AccessLog: true}, observer(secret))
	node := a.Nodes[0]
	headers := signed(t, secret, target, clock.now())
	get(t, node.URL+target, append(headers, "X-Forwarded-For", "10.0.0.7", "User-Agent", `a "b"`)...)
	text, err := os.ReadFile(node.AccessLogPath)
	if err != nil {
		t.Fatal(err)
	}
	want := millis(clock.now()) + ` 127.0.0.1 "10.0.0.7" "GET ` + target + ` HTTP/1.1" 200 "` + headers[1] + `" "` + headers[3] + `" "a \"b\""` + "\n"
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	get(t, node.URL+target)
	clock.advance(24 * time.Hour)
	get(t, node.URL+target)
	packed, err := filepath.Glob(node.LogPath + ".2026-11-21.0.gz")
	if err != nil || len(packed) != 1 || len(logOf(t, node)) != 2 {
		t.Errorf("packed %v, %v; now %q", packed, err, logOf(t, node))
	}
}
