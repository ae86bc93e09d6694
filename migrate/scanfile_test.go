package migrate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"lockstep/schemas"
)

const scansDir = "../testdata/scan"

// scanOf writes a scan of some lines, and returns it unpacked.
func scanOf(t *testing.T, path string, lines []string) []byte {
	t.Helper()
	f := &hostFleet{t: t, dialect: eventDialect{}, at: noon.AddDate(8, 0, 0)}
	logs := t.TempDir()
	writeFile(t, filepath.Join(logs, "events.jsonl"), strings.Join(lines, ""))
	t.Chdir(logs)
	f.mustScan("web-1", path, f.files("events.jsonl"), "")
	return unpackScan(t, path)
}

func unpackScan(t *testing.T, path string) []byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	text, err := d.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// readScan reads a scan that is unpacked to its end.
func readScan(text []byte) (header scanHeader, rows []tallyRow, err error) {
	r := newScanReader("x", bytes.NewReader(text))
	if err := r.readHeader(); err != nil {
		return header, nil, err
	}
	if err := r.nodes(func(string, *nodeFold) error { return nil }); err != nil {
		return header, nil, err
	}
	for {
		row, err, more := r.next()
		if err != nil || !more {
			return r.header, rows, err
		}
		rows = append(rows, row)
	}
}

// The file of this version is read and written as it was when the version
// began. Where this fails, the version has to go up; UPDATE=1 is for a version
// that nobody has yet.
func TestScanOfThisVersion(t *testing.T) { //nolint:paralleltest // it changes the directory
	first, err := filepath.Abs(filepath.Join(scansDir, "version-1.scan"))
	if err != nil {
		t.Fatal(err)
	}
	path, lines := filepath.Join(t.TempDir(), "web-1.scan"), fleetLog(rand.New(rand.NewPCG(1, 1)))
	text := scanOf(t, path, lines)
	if os.Getenv("UPDATE") == "1" {
		packed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, first, string(packed))
	}
	if diff := cmp.Diff(layoutOf(unpackScan(t, first)), layoutOf(text)); diff != "" {
		t.Errorf("a scan has another format than version %d (-want +got):\n%s", scanVersion, diff)
	}
	f := &hostFleet{t: t, dialect: eventDialect{}}
	e, err := f.merge("", first)
	if err != nil {
		t.Fatal(err)
	}
	sameEvidence(t, "the file beside its log", fold(t, "", lines...), inMemory(t, e))
}

// layoutOf is a scan without its digest; that a list is empty has two spellings.
func layoutOf(text []byte) string {
	layout, _, _ := strings.Cut(string(text), `,"sha256":`)
	return strings.ReplaceAll(layout, ":null", ":[]")
}

// The header is as its schema says.
func TestScanFitsItsSchema(t *testing.T) { //nolint:paralleltest // it changes the directory
	schema, err := schemas.Compile(schemas.KindScan)
	if err != nil {
		t.Fatal(err)
	}
	for name, lines := range map[string][]string{"full": fleetLog(rand.New(rand.NewPCG(2, 2))), "empty": nil} {
		header, _, _ := strings.Cut(string(scanOf(t, filepath.Join(t.TempDir(), "x.scan"), lines)), "\n")
		doc, err := schemas.ParseDocument(name, []byte(header))
		if err != nil {
			t.Fatal(err)
		}
		if v := schema.Check(doc).Violations; len(v) > 0 {
			t.Errorf("%s: %v", name, v)
		}
	}
}

// What is damaged is refused; nothing is read as less.
func TestDamagedScans(t *testing.T) { //nolint:paralleltest // it changes the directory
	text := scanOf(t, filepath.Join(t.TempDir(), "x.scan"), fleetLog(rand.New(rand.NewPCG(3, 3))))
	if _, rows, err := readScan(text); err != nil || len(rows) < 10 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for end := 0; end < len(text); end += 1 + len(text)/1000 {
		if _, _, err := readScan(text[:end]); err == nil {
			t.Fatalf("cut at %d of %d: it is read", end, len(text))
		}
	}
	random := rand.New(rand.NewPCG(4, 4))
	for range 3000 {
		damaged := bytes.Clone(text)
		switch at, n := random.IntN(len(text)), 1+random.IntN(20); random.IntN(3) {
		case 0:
			damaged[at] ^= 1 << random.IntN(8)
		case 1:
			damaged = append(damaged[:at], text[min(at+n, len(text)):]...)
		default:
			damaged = append(damaged[:at], append(bytes.Clone(text[at:min(at+n, len(text))]), text[at:]...)...)
		}
		if _, _, err := readScan(damaged); err == nil && !bytes.Equal(damaged, text) {
			t.Fatalf("altered: it is read")
		}
	}
}

// FuzzScan reads anything: it is refused, or all of it is what was written.
func FuzzScan(f *testing.F) {
	packed, err := os.ReadFile(filepath.Join(scansDir, "version-1.scan"))
	if err != nil {
		f.Fatal(err)
	}
	d, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		f.Fatal(err)
	}
	text, err := io.ReadAll(d)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"kind":"lockstep-scan","version":1,"nodes":1}` + "\n" + `{"node":"n","state":{"Lives":{"b":null}},"seen":{"b":{"0":"AQEBAQ=="}}}` + "\n\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		header, rows, err := readScan(text)
		if err != nil {
			return
		}
		var again bytes.Buffer
		w, nodes := &again, map[string]*nodeFold{}
		r := newScanReader("x", bytes.NewReader(text))
		if err := r.readHeader(); err != nil {
			t.Fatal(err)
		}
		if err := r.nodes(func(name string, n *nodeFold) error { nodes[name] = n; return nil }); err != nil {
			t.Fatal(err)
		}
		size, err := writeScan(t.Context(), w, header, nodes, rowsOf(rows))
		if err != nil || size.tallies != uint64(len(rows)) {
			t.Fatalf("%d of %d tallies are written, %v", size.tallies, len(rows), err)
		}
	})
}

// rowsOf makes a source of rows in order.
func rowsOf(rows []tallyRow) tallySource {
	table := newTallyTable()
	for _, row := range rows {
		table.add(row.TallyKey, row.Tally)
	}
	return table
}

// What was scanned in another way is refused, and the error names the files.
func TestScansThatDoNotFit(t *testing.T) {
	t.Parallel()
	f := &hostFleet{t: t, dir: t.TempDir(), dialect: lineMapping(t), at: noon.AddDate(8, 0, 0)}
	in := func(name string) string { return filepath.Join(f.dir, name) }
	lines := requestLines(rand.New(rand.NewPCG(5, 5)))
	half := strings.Join(lines[:50], "")
	writeFile(t, in("a.log"), half)
	writeFile(t, in("b.log"), half+strings.Join(lines[50:], ""))
	writeFile(t, in("c.log"), strings.Join(lines[60:], ""))
	f.mustScan("web-1", in("a.scan"), f.files(in("a.log"), in("c.log")), "")
	f.mustScan("web-2", in("b.scan"), f.files(in("b.log")), "")
	f.mustScan("web-1", in("c.scan"), f.files(in("c.log")), "")
	f.mustScan("web-1", in("again.scan"), f.files(in("b.log")), "")
	text := string(unpackScan(t, in("a.scan")))
	altered := func(name, from, to string) {
		writeFile(t, in(name), zstandard(t, strings.Replace(text, from, to, 1)))
	}
	altered("newer.scan", `"version":1`, `"version":2`)
	altered("other.scan", `"kind":"lockstep-scan"`, `"kind":"notes"`)
	altered("field.scan", `"version":1`, `"version":1,"sketch":true`)
	altered("less.scan", `"ignored":1`, `"ignored":0`)
	writeFile(t, in("behind.scan"), zstandard(t, text+"x"))
	writeFile(t, in("twice.scan"), zstandard(t, text)+zstandard(t, text))
	for name, test := range map[string]struct {
		scans []string
		want  []string
	}{
		"another version":      {[]string{"newer.scan"}, []string{"newer.scan: it has version 2, and this lockstep reads version 1"}},
		"something else":       {[]string{"other.scan"}, []string{"other.scan: it is no scan"}},
		"a log":                {[]string{"a.log"}, []string{"a.log: it is no scan"}},
		"altered":              {[]string{"less.scan"}, []string{"less.scan: it was altered"}},
		"an unknown field":     {[]string{"field.scan"}, []string{"field.scan: its header is broken"}},
		"more behind":          {[]string{"behind.scan"}, []string{"behind.scan: there is something behind its end"}},
		"two in one":           {[]string{"twice.scan"}, []string{"twice.scan: there is something behind its end"}},
		"a log that went on":   {[]string{"a.scan", "b.scan"}, []string{"a.scan", "b.scan", "hold the same log"}},
		"a host that went on":  {[]string{"a.scan", "again.scan"}, []string{"a.scan", "again.scan", "are both of host web-1, and differ"}},
		"part of another scan": {[]string{"a.scan", "c.scan"}, nil},
	} {
		var paths []string
		for _, scan := range test.scans {
			paths = append(paths, in(scan))
		}
		e, err := f.merge("", paths...)
		if err == nil {
			_ = e.Close()
		}
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %s", name, err, want)
			}
		}
		if err != nil && test.want == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A log whose lines have no numbers is not read beside its scan.
func TestScansBesideTheirLogs(t *testing.T) {
	t.Parallel()
	f := &hostFleet{t: t, dir: t.TempDir(), dialect: lineMapping(t), at: noon.AddDate(8, 0, 0)}
	lines := requestLines(rand.New(rand.NewPCG(8, 8)))
	log := writeFile(t, filepath.Join(f.dir, "a.log"), strings.Join(lines[:60], ""))
	other := writeFile(t, filepath.Join(f.dir, "b.log"), strings.Join(lines[60:], ""))
	path := filepath.Join(f.dir, "a.scan")
	f.mustScan("web-1", path, f.files(log), "")
	for file, want := range map[string]string{log: "a.scan holds the log ", other: ""} {
		scans, err := NewScans([]string{path}, "", f.dialect)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Gather(t.Context(), f.files(file), Options{Dialect: f.dialect, Beside: []Contributor{scans}})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", file, err, want)
		}
		if err == nil {
			_ = e.Close()
		}
	}
}

// Events that two scans hold count once; where only some are in both, the
// scans are refused.
func TestScansThatOverlap(t *testing.T) {
	t.Parallel()
	f := &hostFleet{t: t, dir: t.TempDir(), dialect: eventDialect{}, at: noon.AddDate(8, 0, 0)}
	in := func(name string) string { return filepath.Join(f.dir, name) }
	lines := randomLog(rand.New(rand.NewPCG(6, 6))).lines
	for name, part := range map[string][]string{"all": lines, "last": lines[20:], "first": lines[:40]} {
		writeFile(t, in(name+".log"), strings.Join(part, ""))
		f.mustScan(name, in(name+".scan"), f.files(in(name+".log")), "")
	}
	all, err := f.merge("", in("all.scan"))
	want := inMemory(t, all)
	if err != nil {
		t.Fatal(err)
	}
	both, err := f.merge("", in("last.scan"), in("all.scan"), in("first.scan"))
	if err != nil {
		t.Fatal(err)
	}
	sameEvidence(t, "parts beside the whole", want, inMemory(t, both))
	_, err = f.merge("", in("last.scan"), in("first.scan"))
	if err == nil || !strings.Contains(err.Error(), "first.scan") || !strings.Contains(err.Error(), "last.scan") {
		t.Errorf("error %v, want one that names both", err)
	}
	logs, err := Gather(t.Context(), f.files(in("last.log")), Options{Dialect: f.dialect, Beside: []Contributor{&Scans{
		paths: []string{in("first.scan")}, dialect: scanDialect{Digest: dialectDigest(f.dialect)},
	}}})
	if err == nil || !strings.Contains(err.Error(), "first.scan and the logs have some events") {
		t.Errorf("beside logs: %v, %v", logs, err)
	}
}

// Rows of any content are read as they were written.
func TestRowsOfScans(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	table := newTallyTable()
	texts := []string{"", "a", "\x00", "é", strings.Repeat("x", 300), "\xff"}
	text := func() string { return texts[random.IntN(len(texts))] }
	for range 2000 {
		first := random.Int64() - random.Int64()
		table.add(schemas.TallyKey{
			Subject: text(), Client: text() + text(), How: schemas.How(text()), Outcome: schemas.Outcome(text()), Day: text(), Node: text(), Environment: text(),
		}, schemas.Tally{Count: 1 + random.Uint64N(1<<40), FirstMS: first, LastMS: random.Int64(), Hours: random.Uint32() & allHours})
	}
	var want, got []tallyRow
	e, d := newRowEncoder(), rowDecoder{}
	for row, err := range table.rows(t.Context()) {
		want = append(want, row)
		d.rest = e.append(nil, &row)
		if err := errors.Join(err, d.next()); err != nil || len(d.rest) > 0 {
			t.Fatalf("%v, %d bytes are left", err, len(d.rest))
		}
		got = append(got, d.row)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-written +read)\n%.2000s", diff)
	}
	d = rowDecoder{}
	var errs []error
	for _, row := range []tallyRow{want[1], want[0]} {
		d.rest = newRowEncoder().append(nil, &row)
		d.rests = nil
		errs = append(errs, d.next())
	}
	if errs[0] != nil || errs[1] == nil {
		t.Errorf("out of order: %v", errs)
	}
}

// Where no line says whose it is, the node is the host, if the policy lists it.
func TestScansOfHostsThatLinesDoNotName(t *testing.T) {
	t.Parallel()
	d, err := NewDialect(Selection{Name: "nginx", Environment: "eu", Nodes: []string{"web-1", "web-2", "web-3"}})
	if err != nil {
		t.Fatal(err)
	}
	f := &hostFleet{t: t, dir: t.TempDir(), dialect: d, at: noon.AddDate(8, 0, 0)}
	var scans []string
	for _, host := range []string{"web-1", "web-2"} {
		log := writeFile(t, filepath.Join(t.TempDir(), "access.log"),
			fmt.Sprintf("10.0.0.9 - - [21/Nov/2026:10:00:00 +0000] \"GET /configs/demo/default/%s HTTP/1.1\" 200 512 \"-\" \"Java/17\"\n", host))
		scans = append(scans, filepath.Join(f.dir, host))
		f.mustScan(host, scans[len(scans)-1], f.files(log), "")
	}
	e, err := f.merge("eu", scans...)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, node := range e.Nodes {
		names = append(names, fmt.Sprintf("%s %d", node.Name, node.OK))
	}
	if diff := cmp.Diff([]string{"web-1 1", "web-2 1"}, names); diff != "" {
		t.Errorf("nodes (-want +got)\n%s", diff)
	}
}
