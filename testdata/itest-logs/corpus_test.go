package itest

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A line is one of a gateway's log. What is empty is not in it.
type line struct {
	Time    string `json:"time"`
	Msg     string `json:"msg"`
	Node    string `json:"node"`
	App     string `json:"app,omitempty"`
	Key     string `json:"key,omitempty"`
	Client  string `json:"client,omitempty"`
	Outcome string `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Status  int    `json:"status"`

	at int64
}

// The corpus is of whole days.
const (
	days   = 3
	hourMS = 60 * 60 * 1000
	dayMS  = 24 * hourMS
)

// firstDay began some days ago: all that happened then has arrived.
var firstDay = sync.OnceValue(func() int64 { return (time.Now().UnixMilli()/dayMS - days - 2) * dayMS })

func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// A corpus is a log, the same each time, as lines of JSON and as rows of a table.
type corpus struct {
	jsonl, tsv string
	times      []int64 // of all lines
}

func writeCorpus(t testing.TB, lines int) corpus {
	t.Helper()
	return writePart(t, lines, 0, 1)
}

// writePart writes one of several parts of a corpus.
func writePart(t testing.TB, lines, part, of int) corpus {
	t.Helper()
	dir := t.TempDir()
	c := corpus{filepath.Join(dir, "auth.jsonl"), filepath.Join(dir, "auth.tsv"), nil}
	g := newGenerator(lines)
	err := c.write(func(yield func(line) bool) {
		for i := range lines {
			if l := g.line(i); i%of == part && !yield(l) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *corpus) write(lines iter.Seq[line]) (err error) {
	jsonl, err := os.Create(c.jsonl)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, jsonl.Close()) }()
	tsv, err := os.Create(c.tsv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tsv.Close()) }()
	texts, rows := bufio.NewWriterSize(jsonl, 1<<20), bufio.NewWriterSize(tsv, 1<<20)
	for l := range lines {
		c.times = append(c.times, l.at)
		text, err := json.Marshal(l)
		if err != nil {
			return err
		}
		_, _ = texts.Write(append(text, '\n')) // an error stays, and Flush returns it
		_, _ = rows.WriteString(l.row(string(text)) + "\n")
	}
	return errors.Join(texts.Flush(), rows.Flush())
}

// tabSeparated escapes what ends a value in that format of ClickHouse.
var tabSeparated = strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n")

// row is the line as a row of chTable.
func (l line) row(body string) string {
	values := []string{strconv.FormatInt(l.at, 10), l.Node, l.App, l.Key, l.Client, l.Outcome, l.Reason, strconv.Itoa(l.Status), body}
	for i, v := range values {
		values[i] = tabSeparated.Replace(v)
	}
	return strings.Join(values, "\t")
}

// A generator makes lines: Zipf distributions of apps and of clients that are
// independent of each other, all through the days.
type generator struct {
	random      *rand.Rand
	app, client *rand.Zipf
	first       int64
	step        float64
}

func newGenerator(lines int) *generator {
	random := rand.New(rand.NewPCG(7, 8))
	return &generator{
		random: random, first: firstDay(), step: float64(days*dayMS-1) / float64(lines-1),
		app: rand.NewZipf(random, 1.2, 10, 30), client: rand.NewZipf(random, 1.2, 40, 1000),
	}
}

// odd are names that a query or an answer may spoil.
var odd = []string{"tab\there", `back\slash\n`, `quo"te'd`, "two\nlines", "Zürich-東京", "per%20cent", "plus+and&", "a,b", "{x}", "NULL", `\N`, " spaces "}

func (g *generator) line(i int) line {
	at := g.first + int64(float64(i)*g.step)
	if i%97 == 0 { // the ends of a window
		at = at/dayMS*dayMS + int64(g.random.IntN(2))*(dayMS-1)
	}
	client := g.client.Uint64()
	l := line{
		at: at, Time: moment(at), Msg: "auth", Node: fmt.Sprintf("gateway-%d", i%3),
		App: fmt.Sprintf("app-%d", g.app.Uint64()), Key: fmt.Sprintf("k%d", 1+client%2), Client: fmt.Sprintf("10.0.%d.%d", client>>8, client&255),
		Outcome: "pass", Status: 200,
	}
	if client%31 == 0 {
		l.Client = odd[int(client/31)%len(odd)]
	}
	g.spoil(&l, client)
	return l
}

// spoil makes a line one of a failure, or of something else.
func (g *generator) spoil(l *line, client uint64) {
	switch n := g.random.IntN(100); {
	case n < 2:
		*l = line{at: l.at, Time: l.Time, Msg: "started", Node: l.Node, Status: 204} // of no app
	case client%13 == 0 || n < 5:
		l.Outcome, l.Status, l.Key = "fail", 401, ""
		l.Reason = []string{"bad_signature", "expired_timestamp", "missing_header", "unknown_key", ""}[g.random.IntN(5)]
	}
}
