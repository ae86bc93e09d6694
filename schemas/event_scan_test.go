package schemas

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const scanned = `{"kind":"tally","environment":"eu","node":"n1","boot":"b","seq":1,"time_ms":1795264200000,"subject":"key/demo/k1",` +
	`"client":"10.0.0.1","how":"claimed","outcome":"ok","day":"2026-11-21","count":7,"first_ms":1795264200000,"last_ms":1795264200000,"hours":4096}`

const scannedBeat = `{"kind":"heartbeat","environment":"eu","node":"n1","boot":"b","seq":1,"time_ms":1795264200000,"left_out":7,` +
	`"rollout_digest":"sha256:00","subjects":[{"subject":"key/demo/k1","mode":"observe","fingerprint":"3fa9c1d2e4b5"},{"subject":"tls/svc","mode":"enforce"}],"final":true}`

const scannedDetail = `{"kind":"detail","environment":"eu","node":"n1","boot":"b","seq":1,"time_ms":1795264200000,"subject":"key/demo",` +
	`"client":"10.0.0.1","how":"claimed","outcome":"fail","reason":"missing","endpoint_id":"svc","mode":"observe","refused":false}`

// Lines that runtimes write by the million are read without encoding/json.
func TestScanEventTakesTallies(t *testing.T) {
	t.Parallel()
	for _, line := range []string{scanned, scannedBeat, scannedDetail, strings.ReplaceAll(scannedBeat, ",", " , "), strings.ReplaceAll(scannedBeat, "[", " [ "), strings.ReplaceAll(scanned, ",", " , ") + "\r\n", strings.ReplaceAll(scanned, ":", ": ")} {
		got, ok := scanEvent(line)
		var want Event
		if err := decodeLine([]byte(line), &want); err != nil || !ok {
			t.Fatalf("%s: not taken; encoding/json says %v", line, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", line, diff)
		}
	}
}

// oddLines are those on which scanners of JSON differ.
func oddLines() []string {
	var lines []string
	for _, replace := range [][2]string{
		{`"eu"`, `"\u0065u"`},
		{`"eu"`, `"Straße"`},
		{`"eu"`, "\"\xff\""},
		{`"eu"`, "\"a\tb\""},
		{`"eu"`, `null`},
		{`"eu"`, `7`},
		{`"seq":1`, `"seq":01`},
		{`"seq":1`, `"seq":1.0`},
		{`"seq":1`, `"seq":1e3`},
		{`"seq":1`, `"seq":-1`},
		{`"seq":1`, `"seq":18446744073709551615`},
		{`"seq":1`, `"seq":18446744073709551616`},
		{`"seq":1`, `"seq":"1"`},
		{`"seq":1`, `"SEQ":1`},
		{`"seq":1`, `"seq":1,"seq":2`},
		{`"seq":1`, `"seq":1,"seq":null`},
		{`"seq":1`, `"seq":1,"extra":2`},
		{`"seq":1`, `"seq":1,"refused":true,"subjects":[]`},
		{`"seq":1`, `"seq":1,`},
		{`"seq":1`, `"seq":`},
		{`"hours":4096`, `"hours":4294967296`},
		{`4096}`, `4096`},
		{`4096}`, `4096}}`},
		{`4096}`, `4096} {}`},
		{`{"kind"`, `{"kind`},
		{`{"kind"`, `[{"kind"`},
		{scanned, ``},
		{scanned, `{}`},
		{scanned, ` { } `},
	} {
		lines = append(lines, strings.Replace(scanned, replace[0], replace[1], 1))
	}
	for _, replace := range [][2]string{
		{`[{`, `[{},{`},
		{`[{`, `[null,{`},
		{`[{`, `[[{`},
		{`"fingerprint"`, `"Fingerprint"`},
		{`"fingerprint"`, `"extra"`},
		{`"observe"`, `null`},
		{`"observe"`, `"observe","mode":"enforce"`},
		{`}],`, `},],`},
		{`}],`, `}`},
		{`}],`, `}],"subjects":[{"subject":"key/demo/k2"}],`},
		{`"left_out":7`, `"left_out":7,"subjects":null`},
		{`"left_out":7`, `"left_out":-7`},
		{`true`, `truer`},
		{`true`, `1`},
		{`true`, `null`},
		{`true`, `false`},
		{scannedBeat, strings.Replace(scannedBeat, scannedBeat[strings.Index(scannedBeat, "[")+1:strings.Index(scannedBeat, "]")], " ", 1)},
	} {
		lines = append(lines, strings.Replace(scannedBeat, replace[0], replace[1], 1))
	}
	return append(lines, scannedDetail)
}

// scanAgrees fails if the scanner takes a line in another way than encoding/json.
func scanAgrees(t *testing.T, line string) {
	t.Helper()
	got, ok := scanEvent(line)
	if !ok {
		return
	}
	var want Event
	if err := decodeLine([]byte(line), &want); err != nil {
		t.Fatalf("%q is taken, but encoding/json says %v", line, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%q (-encoding/json +scanner):\n%s", line, diff)
	}
}

func TestScanEventAgrees(t *testing.T) {
	t.Parallel()
	for _, line := range oddLines() {
		scanAgrees(t, line)
	}
}

func FuzzScanEvent(f *testing.F) {
	f.Add(scanned)
	for _, line := range oddLines() {
		f.Add(line)
	}
	f.Fuzz(scanAgrees)
}

func BenchmarkParseEvent(b *testing.B) {
	b.SetBytes(int64(len(scanned)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseEvent(scanned); err != nil {
			b.Fatal(err)
		}
	}
}
