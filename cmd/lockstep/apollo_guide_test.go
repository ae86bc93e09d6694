package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// A block of the guide: commands that are run on a day or daily, or a file that
// is written on a day.
var guideBlock = regexp.MustCompile("(?ms)^<!-- (?:daily|day (\\d+)(?:: (\\S+))?) -->\n```\\w+\n(.*?)^```$")

// A command of the guide, and the exit status that it says.
var guideCommand = regexp.MustCompile(`(?m)^lockstep .*?(?:# exit status (\d+).*)?$`)

// A guide is docs/apollo.md, as it is followed from its first day to today.
type guide struct {
	t      *testing.T
	dir    string
	apollo *apollotest.Apollo
	daily  string // commands

	mu    sync.Mutex
	moved time.Duration // of the clocks of Apollo and lockstep, into the past
	day   int           // of the story
}

// howLongAgo is the variable by which the clock of lockstep-then is set.
const howLongAgo = "LOCKSTEP_TEST_AGO"

// statusThen is mainStatus at another time.
func statusThen() int {
	ago, err := time.ParseDuration(os.Getenv(howLongAgo))
	if err != nil {
		panic(err)
	}
	p := &process{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, sleep: apollo.Sleep,
		now: func() time.Time { return time.Now().Add(-ago) },
	}
	return p.run(context.Background(), append([]string{"lockstep"}, os.Args[1:]...))
}

// TestApolloGuide follows docs/apollo.md: it runs each block of commands on
// its day, against a stand-in for Apollo whose clients do meanwhile what the
// page says of them.
func TestApolloGuide(t *testing.T) {
	t.Parallel()
	g := &guide{t: t, dir: t.TempDir()}
	g.moved = time.Since(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	g.apollo = apollotest.Start(t, apollotest.Options{Now: g.now, Nodes: 2, LogDir: filepath.Join(g.dir, "archive"), AccessLog: true})
	for _, app := range []string{"demo", "pay"} {
		g.apollo.AddApp(apollotest.App{ID: app, OwnerName: "team-" + app})
	}
	page := g.page()
	for _, block := range fencedBlock.FindAllStringSubmatch(page, -1) {
		if block[1] != "" {
			g.write(block[1], block[3])
		}
	}
	g.wrap()
	g.hour() // a first one, or there would be no log
	blocks := guideBlock.FindAllStringSubmatch(page, -1)
	if len(blocks) < 6 {
		t.Fatalf("the guide has %d blocks of commands", len(blocks))
	}
	for _, block := range blocks {
		day, file, text := block[1], block[2], block[3]
		if day == "" {
			g.daily = text
			continue
		}
		last, _ := strconv.Atoi(day)
		g.until(last)
		if file != "" {
			g.write(file, text)
			continue
		}
		g.run(text)
	}
	for app, want := range map[string][]apollotest.Mode{
		"demo": {apollotest.Observer}, "pay": {apollotest.Observer, apollotest.Filter},
	} {
		var modes []apollotest.Mode
		keys := g.apollo.Keys(app)
		slices.SortFunc(keys, func(x, y apollotest.Key) int { return cmp.Compare(x.ID, y.ID) })
		for _, key := range keys {
			modes = append(modes, key.Mode)
		}
		if !slices.Equal(modes, want) {
			t.Errorf("at the end, the keys of %s have the modes %v, want %v", app, modes, want)
		}
	}
}

// page is the guide with the addresses of the stand-in.
func (g *guide) page() string {
	g.t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "apollo.md"))
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.NewReplacer(
		"http://apollo-admin:8090", g.apollo.Admin.URL,
		"http://config-1:8080", g.apollo.Nodes[0].URL, "http://config-2:8080", g.apollo.Nodes[1].URL,
		"config-1", "node1", "config-2", "node2",
	).Replace(string(text))
}

func (g *guide) write(name, text string) {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o700)) //nolint:gosec // some are programs
	if err != nil {
		g.t.Fatal(err)
	}
}

// wrap puts a lockstep on the path that lives on the day of the story, notes
// its exit status, and takes a list of clients where the guide reads a database.
func (g *guide) wrap() {
	g.t.Helper()
	self, err := os.Executable()
	if err != nil {
		g.t.Fatal(err)
	}
	if err := os.Symlink(self, filepath.Join(g.dir, "lockstep-then")); err != nil {
		g.t.Fatal(err)
	}
	g.write("lockstep", `#!/bin/sh
case "$*" in
*"--from mysql:"*)
	set -- $(echo "$@" | sed 's/--from [^ ]*/--import clients.csv/; s/--password [^ ]*//; s/--timezone [^ ]*//') ;;
esac
lockstep-then "$@"
status=$?
echo $status >>statuses
exit $status
`)
}

// now is the time of the story, which goes on while commands run.
func (g *guide) now() time.Time { return time.Now().Add(-g.ago()) }

// ago is how long ago the story is.
func (g *guide) ago() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.moved
}

// until lets the days pass until one of them begins. What is to be done daily
// is done on the last of them, and on each with FULL=1.
func (g *guide) until(day int) {
	g.t.Helper()
	for ; g.day < day; g.day++ {
		for range 24 {
			g.mu.Lock()
			g.moved -= time.Hour
			g.mu.Unlock()
			g.hour()
		}
		if g.daily != "" && (g.day == day-1 || os.Getenv("FULL") != "") {
			g.run(g.daily)
		}
	}
}

// hour has each node log something, and every other client load its config.
func (g *guide) hour() {
	g.t.Helper()
	for i, node := range g.apollo.Nodes {
		g.chat(node.LogPath+".eureka", 1234+i)
	}
	for i, ip := range []string{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.1.1", "10.0.1.2"} {
		hour := g.now().Hour()
		if (i+hour)%2 == 1 {
			continue
		}
		app := "demo"
		if i > 2 {
			app = "pay"
		}
		target := fmt.Sprintf("/configs/%s/default/application?ip=%s", app, ip)
		node := g.apollo.Nodes[(i+hour)/2%2]
		req, err := http.NewRequestWithContext(g.t.Context(), http.MethodGet, node.URL+target, http.NoBody)
		if err != nil {
			g.t.Fatal(err)
		}
		if secret := g.secret(app, ip); secret != "" {
			h, err := accesskey.Sign(schemas.NewSecret([]byte(secret)), app, target, g.now())
			if err != nil {
				g.t.Fatal(err)
			}
			req.Header.Set("Timestamp", h.Timestamp)
			req.Header.Set("Authorization", h.Authorization)
		}
		req.Header.Set("X-Forwarded-For", ip)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			g.t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			g.t.Errorf("day %d: client %s is answered %d", g.day, ip, resp.StatusCode)
		}
	}
}

// chat writes what Eureka within a config service says all the time, into a
// slice of the log of its own.
func (g *guide) chat(path string, pid int) {
	g.t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		g.t.Fatal(err)
	}
	defer file.Close()
	zone := time.FixedZone("Asia/Shanghai", 8*60*60)
	_, err = fmt.Fprintf(file, "%s  INFO %d --- [Eureka-EvictionTimer] c.n.e.registry.AbstractInstanceRegistry  : Running the evict task with compensationTime 0ms\n",
		g.now().In(zone).Format("2006-01-02 15:04:05.000"), pid)
	if err != nil {
		g.t.Fatal(err)
	}
}

// secret is what a client signs with: nothing for three days, one of them with
// quotes around it for another eleven, and those of pay with their second key
// from day 20 on.
func (g *guide) secret(app, ip string) string {
	key := app + ".k1"
	if app == "pay" && g.day > 19 {
		key = "pay.k2"
	}
	text, err := os.ReadFile(filepath.Join(g.dir, "keys", key))
	switch {
	case err != nil || g.day < 3:
		return ""
	case ip == "10.0.1.2" && g.day < 14:
		return `"` + string(text) + `"`
	default:
		return string(text)
	}
}

// run runs a block of commands, each of which has to end as the page says.
func (g *guide) run(block string) {
	g.t.Helper()
	g.write("statuses", "")
	g.clients()
	var want []string
	for _, command := range guideCommand.FindAllStringSubmatch(block, -1) {
		if command[1] == "" {
			command[1] = "0"
		}
		want = append(want, command[1])
	}
	shell := exec.CommandContext(g.t.Context(), "sh", "-c", block)
	shell.Dir = g.dir
	shell.Env = append(os.Environ(), "PATH="+g.dir+":"+os.Getenv("PATH"), howLongAgo+"="+g.ago().String())
	out, err := shell.CombinedOutput()
	g.t.Logf("day %d:\n%s%s", g.day, block, out)
	statuses, readErr := os.ReadFile(filepath.Join(g.dir, "statuses"))
	if readErr != nil {
		g.t.Fatal(readErr)
	}
	if got := strings.Fields(string(statuses)); !slices.Equal(got, want) {
		g.t.Fatalf("day %d: the commands\n%s end with %s, want %s (%v):\n%s", g.day, block, got, want, err, out)
	}
}

// clients writes the list that stands for Apollo's database.
func (g *guide) clients() {
	g.t.Helper()
	text := "app,client,owner,days,gap,last\n"
	for _, i := range g.apollo.Instances() {
		text += fmt.Sprintf("%s,%s,team-%s,%d,1d,%s\n", i.App, i.IP, i.App, g.day+1, i.LastTime.UTC().Format(time.RFC3339))
	}
	g.write("clients.csv", text)
}
