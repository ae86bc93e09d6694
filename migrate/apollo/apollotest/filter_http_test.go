package apollotest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"lockstep/migrate/apollo/apollotest"
)

const target = "/configs/demo/default/application?ip=10.0.0.7"

// begin starts an environment with one app and the given keys, all of which
// are seen by its node.
func begin(t *testing.T, opts apollotest.Options, keys ...apollotest.Key) (*apollotest.Apollo, *clock) {
	t.Helper()
	clock := newClock()
	opts.Now, opts.LogDir = clock.now, t.TempDir()
	a := apollotest.Start(t, opts)
	a.AddApp(apollotest.App{ID: "demo", OwnerName: "dana", OwnerEmail: "dana@example.com"})
	for _, key := range keys {
		a.AddKey("demo", key.Secret, key.Mode, key.Enabled)
	}
	clock.advance(2 * time.Second)
	return a, clock
}

func observer(secret string) apollotest.Key {
	return apollotest.Key{Secret: secret, Mode: apollotest.Observer, Enabled: true}
}

func filter(secret string) apollotest.Key { return apollotest.Key{Secret: secret, Enabled: true} }

func TestFilter(t *testing.T) {
	t.Parallel()
	const other = "00000000000000000000000000000000"
	for name, c := range map[string]struct {
		keys    []apollotest.Key
		secret  string // that the client signs with; empty if it does not
		late    time.Duration
		status  int
		logged  int
		message string
	}{
		"no key: nothing is asked":                       {nil, "", 0, 200, 0, ""},
		"observe: signed":                                {[]apollotest.Key{observer(secret)}, secret, 0, 200, 0, ""},
		"apollo §3 trap 1: unsigned logs two lines":      {[]apollotest.Key{observer(secret)}, "", 0, 200, 2, "timestamp=null"},
		"observe: wrong secret logs one line":            {[]apollotest.Key{observer(secret)}, other, 0, 200, 1, "Invalid authorization in pre-check. appId=demo,clientIp=127.0.0.1,authorization=Apollo demo:"},
		"enforce: signed":                                {[]apollotest.Key{filter(secret)}, secret, 0, 200, 0, ""},
		"enforce: unsigned logs one line":                {[]apollotest.Key{filter(secret)}, "", 0, 401, 1, "Invalid timestamp. appId=demo,clientIp=127.0.0.1,timestamp=null"},
		"enforce: wrong secret":                          {[]apollotest.Key{filter(secret)}, other, 0, 401, 1, "Invalid authorization. appId=demo"},
		"apollo §2: any FILTER key hides OBSERVER keys":  {[]apollotest.Key{observer(other), filter(secret)}, other, 0, 401, 1, "Invalid authorization. "},
		"apollo §2: any of several FILTER keys will do":  {[]apollotest.Key{filter(other), filter(secret)}, secret, 0, 200, 0, ""},
		"a disabled key asks nothing":                    {[]apollotest.Key{{Secret: secret}}, "", 0, 200, 0, ""},
		"apollo §2: the tolerance is strict, just below": {[]apollotest.Key{filter(secret)}, secret, time.Minute - time.Millisecond, 200, 0, ""},
		"apollo §2: the tolerance is strict, at it":      {[]apollotest.Key{filter(secret)}, secret, time.Minute, 401, 1, "Invalid timestamp. "},
		"a clock ahead":                                  {[]apollotest.Key{filter(secret)}, secret, -time.Minute, 401, 1, "Invalid timestamp. "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, clock := begin(t, apollotest.Options{}, c.keys...)
			var headers []string
			if c.secret != "" {
				headers = signed(t, c.secret, target, clock.now().Add(-c.late))
			}
			if got := get(t, a.Nodes[0].URL+target, headers...); got.status != c.status {
				t.Errorf("%d %s, want %d", got.status, got.body, c.status)
			}
			var lines []string
			for _, line := range logOf(t, a.Nodes[0]) {
				if strings.Contains(line, "Invalid") {
					lines = append(lines, line)
				}
			}
			if len(lines) != c.logged || !strings.Contains(strings.Join(lines, "\n"), c.message) {
				t.Errorf("%d lines, want %d with %s:\n%s", len(lines), c.logged, c.message, strings.Join(lines, "\n"))
			}
		})
	}
}

// A header of commas and blanks is an exception in Apollo, after which no
// verdict is logged.
func TestForwardedFor(t *testing.T) {
	t.Parallel()
	a, _ := begin(t, apollotest.Options{}, filter(secret))
	a.AddApp(apollotest.App{ID: "open"})
	for header, want := range map[string]string{
		"192.0.2.9, 10.0.0.1": "clientIp=192.0.2.9,", " , 192.0.2.8": "clientIp=192.0.2.8,", "no address": "clientIp=no address,",
	} {
		get(t, a.Nodes[0].URL+target, "X-Forwarded-For", header)
		if log := strings.Join(logOf(t, a.Nodes[0]), "\n"); !strings.Contains(log, want) {
			t.Errorf("%q: no %s in\n%s", header, want, log)
		}
	}
	if got := get(t, a.Nodes[0].URL+target, "X-Forwarded-For", " , "); got.status != 500 {
		t.Errorf("commas alone: %d", got.status)
	}
	for path, want := range map[string]int{"/configs/": 500, "/configfiles/": 200} { // the controller of the former asks too
		if got := get(t, a.Nodes[0].URL+path+"open/default/application", "X-Forwarded-For", " , "); got.status != want {
			t.Errorf("commas alone, and no key: %d", got.status)
		}
	}
}

func TestGuarded(t *testing.T) {
	t.Parallel()
	for version, statuses := range map[string]map[string]int{
		"2.5.1": {"/configfiles/raw/demo/default/application": 200, "/configs/.x/default/application": 404, "/configs//default": 400},
		"2.5.2": {
			"/configs/demo/default/application": 401, "/configs/DEMO/default/application": 401, "/configfiles/demo/default/application": 401,
			"/configfiles/json/demo/default/application": 401, "/configfiles/raw/demo/default/application": 401,
			"/notifications/v2?appId=demo&notifications=[]": 401, "/notifications?appId=demo": 404,
			"/configs/.x/default/application": 400, "/configs/a%2Cb/default/application": 400, "/notifications/v2": 400, "/configs": 400,
			"/configs/%64emo/default/application": 401, "/configs/x/../demo/default/application": 401, "/configs/demo;v=1/default/application": 401,
			"/configs/demo%2Fx/default/application": 400, "/services/config?appId=demo": 200, "/health": 200, "/other": 404,
		},
		"3.0.0": {"/notifications?appId=demo": 401, "/notifications": 400},
	} {
		a, _ := begin(t, apollotest.Options{Version: version}, filter(secret))
		for target, want := range statuses {
			if got := get(t, a.Nodes[0].URL+target); got.status != want {
				t.Errorf("%s: %s is answered with %d, want %d", version, target, got.status, want)
			}
		}
	}
}

// The two reasons for a 401 look alike from outside.
func TestRefusalHidesItsReason(t *testing.T) {
	t.Parallel()
	a, clock := begin(t, apollotest.Options{}, filter(secret))
	unsigned := get(t, a.Nodes[0].URL+target)
	wrong := get(t, a.Nodes[0].URL+target, "Timestamp", millis(clock.now()), "Authorization", "Apollo demo:x")
	want := `{"timestamp":"2026-11-21T01:18:43.758+0800","status":401,"error":"Unauthorized","path":"/configs/demo/default/application"}` + "\n"
	if unsigned.body != want || wrong != unsigned {
		t.Errorf("%v\n%v\nwant %s", unsigned, wrong, want)
	}
}

// The lines are those that were rendered with Boot's own patterns.
func TestLayouts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		version string
		layout  apollotest.Layout
		want    string
	}{
		{"2.5.2", apollotest.LayoutFile, "2026-11-21 01:18:43.758  WARN 1234 --- [http-nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " +
			"Invalid timestamp in pre-check. appId=demo,clientIp=127.0.0.1,timestamp=null"},
		{"2.5.2", apollotest.LayoutConsole, "2026-11-21 01:18:43.758  WARN 1234 --- [nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " +
			"Invalid timestamp in pre-check. appId=demo,clientIp=127.0.0.1,timestamp=null"},
		{"2.5.2", apollotest.LayoutColor, "\x1b[2m2026-11-21 01:18:43.758\x1b[0;39m \x1b[33m WARN\x1b[0;39m \x1b[35m1234\x1b[0;39m \x1b[2m---\x1b[0;39m " +
			"\x1b[2m[nio-8080-exec-3]\x1b[0;39m \x1b[36mc.c.f.a.c.f.ClientAuthenticationFilter  \x1b[0;39m \x1b[2m:\x1b[0;39m " +
			"Invalid timestamp in pre-check. appId=demo,clientIp=127.0.0.1,timestamp=null"},
		{"3.0.0", apollotest.LayoutFile, "2026-11-21T01:18:43.758+08:00  WARN 1234 --- [apollo-configservice] [http-nio-8080-exec-3] " +
			"c.c.f.a.c.f.ClientAuthenticationFilter   : Invalid timestamp in pre-check. appId=demo,clientIp=127.0.0.1,timestamp=null"},
		{"2.3.0", apollotest.LayoutFile, "2026-11-21 01:18:43.758  WARN 1234 --- [http-nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " +
			"Invalid timestamp. appId=demo,timestamp=null"},
	} {
		t.Run(fmt.Sprint(c.version, c.layout), func(t *testing.T) {
			t.Parallel()
			a, _ := begin(t, apollotest.Options{Version: c.version, Layout: c.layout}, observer(secret))
			get(t, a.Nodes[0].URL+"/health")
			get(t, a.Nodes[0].URL+target)
			if got := logOf(t, a.Nodes[0])[0]; got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
