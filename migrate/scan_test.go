package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

// A hostFleet is logs of hosts, each in a directory of its own.
type hostFleet struct {
	t       *testing.T
	dir     string
	dialect Dialect
	hosts   []string // directories
	at      time.Time
}

// newFleet gives each line to some file of some host.
func newFleet(t *testing.T, random *rand.Rand, dialect Dialect, lines []string) *hostFleet {
	t.Helper()
	f := &hostFleet{t: t, dir: t.TempDir(), dialect: dialect, at: noon.AddDate(8, 0, 0)}
	for i := range 1 + random.IntN(5) {
		host := filepath.Join(f.dir, fmt.Sprintf("h%d", i))
		if err := os.Mkdir(host, 0o700); err != nil {
			t.Fatal(err)
		}
		f.hosts = append(f.hosts, host)
	}
	content := map[string]string{}
	for _, line := range lines {
		file := filepath.Join(f.hosts[random.IntN(len(f.hosts))], fmt.Sprintf("%d.log", random.IntN(3)))
		content[file] += line
	}
	for file, text := range content {
		writeFile(t, file, packed(t, random, text))
	}
	for _, host := range f.hosts {
		writeFile(t, filepath.Join(host, "empty.log"), "")
	}
	return f
}

func (f *hostFleet) files(patterns ...string) *Files {
	f.t.Helper()
	files, err := NewFiles(patterns, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	return files
}

// scan scans some logs and some scans.
func (f *hostFleet) scan(host, path string, logs *Files, store string, scans ...string) (*ScanSummary, error) {
	f.t.Helper()
	opts := ScanOptions{Options: Options{Dialect: f.dialect, Store: store, Memory: 4096, Now: ticking(2 * time.Second)}, Host: host, At: f.at, Name: "test"}
	if len(scans) > 0 {
		beside, err := NewScans(scans, "", f.dialect)
		if err != nil {
			f.t.Fatal(err)
		}
		opts.Beside = []Contributor{beside}
	}
	return Scan(f.t.Context(), logs, opts, path)
}

func (f *hostFleet) mustScan(host, path string, logs *Files, store string, scans ...string) *ScanSummary {
	f.t.Helper()
	s, err := f.scan(host, path, logs, store, scans...)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// merge is the evidence of scans.
func (f *hostFleet) merge(environment string, scans ...string) (*Evidence, error) {
	f.t.Helper()
	beside, err := NewScans(scans, environment, f.dialect)
	if err != nil {
		return nil, err
	}
	return Gather(f.t.Context(), &Files{}, Options{Dialect: f.dialect, Environment: environment, Memory: 4096, Beside: []Contributor{beside}})
}

// allTold is all that evidence says.
func allTold(t *testing.T, e *Evidence, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	digest, errDigest := e.Digest()
	if err := errors.Join(e.WriteJSON(&out), e.WriteText(&out), errDigest, e.Close()); err != nil {
		t.Fatal(err)
	}
	return out.String() + digest + fmt.Sprintf("%+v %+v", e.Nodes, e.Exposed)
}

// fleetLog has all that a fold knows: two boots of each node, overrides,
// chains, lines twice and lines that are none.
func fleetLog(random *rand.Rand) []string {
	var lines []string
	for _, boot := range []string{"boot-", "later-"} {
		log := randomLog(random)
		for range random.IntN(10) {
			at := noon.Add(-time.Duration(random.Int64N(int64(72 * time.Hour))))
			node := fmt.Sprintf("n%d", random.IntN(3))
			log.add(node, at, schemas.Event{
				Kind: schemas.EventOverride, Subject: fmt.Sprintf("key/a/k%d", random.IntN(2)), Mode: schemas.ModeObserve,
				Change: schemas.OverrideSet, SinceMS: at.UnixMilli(), Who: "me", Why: fmt.Sprint(random.IntN(9)),
			})
			log.add(node, at, schemas.Event{
				Kind: schemas.EventDetail, Subject: "tls/svc", Client: "10.0.0.1:443", How: schemas.HowVerified, Outcome: schemas.OutcomeOK,
				Chain: []schemas.EventCertificate{{SHA256: strings.Repeat(fmt.Sprint(random.IntN(3)), 64), NotAfterMS: noon.UnixMilli()}},
			})
			log.add(node, at, schemas.Event{Kind: schemas.EventHeartbeat, Final: random.IntN(2) == 0})
		}
		for _, line := range log.lines {
			lines = append(lines, strings.Replace(line, "boot-", boot, 1))
		}
	}
	lines = append(lines, "no event\n", "\n", "{}\n")
	random.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

// However logs are spread over hosts, scanned, and their scans merged, in any
// order and grouping: they say what all logs in one place say, byte by byte.
func TestScansSayWhatTheLogsSay(t *testing.T) {
	t.Parallel()
	for name, dialect := range map[string]Dialect{"event": eventDialect{}, "mapping": lineMapping(t), "records": lineRecords{}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(15) {
				random := rand.New(rand.NewPCG(seed, 31))
				lines := fleetLog(random)
				if name != "event" {
					lines = requestLines(random)
				}
				f := newFleet(t, random, dialect, lines)
				all, err := Gather(t.Context(), f.files(f.hosts...), Options{Dialect: dialect})
				want := allTold(t, all, err)
				e, err := f.merge("", f.scanInAnyWay(random)...)
				if got := allTold(t, e, err); got != want {
					t.Fatalf("seed %d: (-logs +scans)\n%s", seed, cmp.Diff(want, got))
				}
			}
		})
	}
}

// scanInAnyWay scans the hosts, some with a store and in two goes, some scans
// twice, and merges some of the scans.
func (f *hostFleet) scanInAnyWay(random *rand.Rand) []string {
	f.t.Helper()
	var scans, twice []string
	for i, host := range f.hosts {
		path, store := fmt.Sprintf("%s.scan", host), ""
		if first, _ := filepath.Glob(filepath.Join(host, "[012].log")); len(first) > 0 && random.IntN(2) == 0 {
			store = host + ".db"
			f.mustScan("", path, f.files(first[0]), store)
		}
		f.mustScan("", path, f.files(host), store)
		scans = append(scans, path)
		if random.IntN(4) == 0 {
			again := fmt.Sprintf("%s-again%d.scan", host, i)
			f.mustScan("", again, f.files(host), "")
			twice = append(twice, again)
		}
	}
	for range random.IntN(3) {
		random.Shuffle(len(scans), func(i, j int) { scans[i], scans[j] = scans[j], scans[i] })
		n := 1 + random.IntN(len(scans))
		path := filepath.Join(f.dir, fmt.Sprintf("merged%d.scan", random.Uint32()))
		f.mustScan("", path, &Files{}, "", scans[:n]...)
		scans = append(scans[n:], path)
	}
	scans = append(scans, twice...) // where they are parts of others, too
	random.Shuffle(len(scans), func(i, j int) { scans[i], scans[j] = scans[j], scans[i] })
	return scans
}

// requestLines are of a log whose lines have no numbers, and which tells of
// some requests twice, on the same thread.
func requestLines(random *rand.Rand) []string {
	var lines []string
	for range 100 {
		at := noon.Add(-time.Duration(random.Int64N(int64(2 * time.Second)))).UnixMilli()
		lines = append(lines, fmt.Sprintf("t=%d node=n%d thread=t%d client=c%d second=%t copy=%s ok=%t\n",
			at, random.IntN(3), random.IntN(3), random.IntN(3), random.IntN(2) == 0, []string{"", "console"}[random.IntN(8)/7], random.IntN(2) == 0))
	}
	slices.Sort(lines)
	return append(lines, "something else\n")
}

// lineMapping reads lines one by one.
func lineMapping(t *testing.T) Dialect {
	t.Helper()
	d, err := NewDialect(Selection{Name: "test", Mappings: map[string]schemas.Mapping{"test": {
		Environment: "eu", Format: "logfmt", Time: "t", Layout: "unix_ms", App: `"demo"`, Node: "node",
		Client: []schemas.MappingClient{{From: "client", How: schemas.HowClaimed}}, OK: `ok == "true"`, Fail: `ok == "false"`,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lineRecords reads them as records of requests.
type lineRecords struct{ eventDialect }

func (lineRecords) Identity() string   { return "records" }
func (lineRecords) Begins(string) bool { return true }
func (lineRecords) Profile() Profile {
	return Profile{Nodes: []string{"n1", "n9"}, MaxGap: 3 * time.Hour}
}

func (lineRecords) Record(_, text string) (Record, error) {
	fields := map[string]string{}
	for field := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	at, err := strconv.ParseInt(fields["t"], 10, 64)
	if err != nil {
		return Record{}, errors.New("no record")
	}
	var tally schemas.Tally
	tally.Add(at)
	r := Record{Node: fields["node"], TimeMS: at, Counts: true, Copy: fields["copy"], Second: fields["second"] == "true", Exposed: fields["client"] == "c1"}
	r.Thread = r.Node + " " + r.Copy + " " + fields["thread"]
	r.Event = schemas.TallyEvent(schemas.TallyKey{
		Environment: "eu", Node: r.Node, Subject: "key/demo", Client: fields["client"], How: schemas.HowClaimed,
		Outcome: schemas.OutcomeFail, Reason: schemas.ReasonSkew, Day: utc(at).Format(time.DateOnly),
	}, tally)
	return r, nil
}
