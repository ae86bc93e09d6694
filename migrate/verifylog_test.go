package migrate

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

const (
	firstSecret  = "df23df3f59884980844ff3dada30fa97" // that of the recorded requests
	secondSecret = "9d4c2f636f067f89cc14862c00000000"
	otherSecret  = "the secret of another app"
)

// tomcatLine is a line of the access log that the preset tomcat reads. A
// header that is not there is empty.
func tomcatLine(at time.Time, peer, target, timestamp, authorization string) string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
	or := func(text string) string {
		if text == "" {
			return "-"
		}
		return quote(text)
	}
	return fmt.Sprintf(`%d %s "-" "GET %s HTTP/1.1" 200 "%s" "%s" "agent"`+"\n", at.UnixMilli(), peer, quote(target), or(timestamp), or(authorization))
}

func candidate(subject, secret string) CandidateKey {
	parsed, _ := schemas.ParseSubject(subject)
	return CandidateKey{Subject: parsed, Secret: schemas.NewSecret([]byte(secret)), Mode: schemas.ModeObserve}
}

// verifyText verifies a log of Tomcat, where Apollo may be served under /apollo.
func verifyText(t *testing.T, log string, keys ...CandidateKey) *Verification {
	t.Helper()
	files, err := NewFiles([]string{writeFile(t, filepath.Join(t.TempDir(), "access.log"), log)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	contextPath := schemas.Mapping{
		Preset: "tomcat", Select: `apollo(trimPrefix(request_uri ?? "", "/apollo")) != ""`, App: `apollo(trimPrefix(request_uri ?? "", "/apollo"))`,
	}
	verifier, err := NewLogVerifier(VerifierOptions{
		Selection: Selection{Name: "cs-1", Environment: "eu", Mappings: map[string]schemas.Mapping{"cs-1": contextPath}},
		Keys:      keys, Tolerance: time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.Verify(t.Context(), files, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

// outcomes counts requests by app and outcome.
func outcomes(v *Verification) map[string]uint64 {
	counts := map[string]uint64{}
	for key, tally := range v.Tallies {
		counts[strings.TrimSpace(fmt.Sprintf("%s %s %s", key.Subject, key.Outcome, key.Reason))] += tally.Count
	}
	return counts
}

// reports is all that a verification writes.
func reports(t *testing.T, v *Verification) string {
	t.Helper()
	var out bytes.Buffer
	if err := errors.Join(v.WriteText(&out), v.WriteJSON(&out), v.WriteEvents(&out)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// The 18 shared vectors as lines of a log, each with its own keys.
func TestVerifyLogVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../testdata/apollo/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		ID, AppID, Target, Timestamp, Verdict string
		Secrets                               []string
		Authorization                         string
		NowMS                                 int64
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) != 18 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, c := range vectors {
		var keys []CandidateKey
		for i, secret := range c.Secrets {
			keys = append(keys, candidate(fmt.Sprintf("key/%s/k%d", c.AppID, i+1), secret))
		}
		v := verifyText(t, tomcatLine(time.UnixMilli(c.NowMS), "10.0.0.1", c.Target, c.Timestamp, c.Authorization), keys...)
		if v.Coverage.Parsed != 1 || v.Failed() == (c.Verdict == "ok") || len(v.Failures) == 1 == (c.Verdict == "ok") {
			t.Errorf("%s: %v, want %s", c.ID, outcomes(v), c.Verdict)
		}
	}
}

// The 91 recorded requests of three real clients as lines of a log.
func TestVerifyLogRecorded(t *testing.T) {
	t.Parallel()
	file, err := os.Open("../testdata/apollo/requests.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var log strings.Builder
	want, secrets := map[string]uint64{}, []string{firstSecret, "wrong-secret"}
	requests := 0
	for lines := bufio.NewScanner(file); lines.Scan(); requests++ {
		var r struct {
			Time         time.Time
			Target, Auth string
			Header       map[string][]string
		}
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		authorization := strings.Join(r.Header["Authorization"], "")
		log.WriteString(tomcatLine(r.Time, "127.0.0.1", r.Target, strings.Join(r.Header["Timestamp"], ""), authorization))
		if _, signature, ok := strings.Cut(authorization, ":"); ok {
			secrets = append(secrets, signature)
		}
		app, _, _ := accesskey.AppFromTarget(r.Target)
		switch {
		case r.Auth == "ok" && authorization != "Apollo sec:eMAUVng0LO7HsXT7i4x0fJU+fiE=": // by a second key, which is not known
			want["key/"+app+"/k1 ok"]++
		case r.Auth != "none":
			want["key/"+app+" fail"]++
		}
	}
	v := verifyText(t, log.String(), candidate("key/sec/k1", firstSecret), candidate("key/obs/k1", firstSecret))
	got := map[string]uint64{}
	for what, count := range outcomes(v) {
		subject, outcome, _ := strings.Cut(what, " ")
		outcome, _, _ = strings.Cut(outcome, " ")
		got[subject+" "+outcome] += count
	}
	if diff := cmp.Diff(want, got); diff != "" || requests != 91 || want["key/sec/k1 ok"] == 0 || want["key/obs fail"] == 0 {
		t.Errorf("%d requests differ (-want +got):\n%s", requests, diff)
	}
	if len(v.Leaks) == 0 {
		t.Error("apollo, how real clients sign: ctrip-apollo-client-ts puts the secret into the query, which nobody is told")
	}
	text := reports(t, v)
	for _, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Error("a report shows a secret or a signature")
		}
	}
}

// plantedCauses are the causes of the issue. Each makes the i-th request of
// its client from a target: the secret, what is signed, and the header.
func plantedCauses() map[accesskey.Cause]func(i int, target string) (secret, signed, arrives, header string) {
	usual := func(secret, signed, target string) (string, string, string, string) {
		return secret, signed, target, ""
	}
	path := func(target string) string { return strings.Split(target, "?")[0] }
	return map[accesskey.Cause]func(int, string) (string, string, string, string){
		accesskey.CauseWrongSecret:  func(i int, s string) (string, string, string, string) { return usual(fmt.Sprint("old", i), s, s) },
		accesskey.CauseEmptySecret:  func(_ int, s string) (string, string, string, string) { return usual("", s, s) },
		accesskey.CauseQuotedSecret: func(_ int, s string) (string, string, string, string) { return usual(`"`+firstSecret+`"`, s, s) },
		accesskey.CauseSpaceSecret:  func(_ int, s string) (string, string, string, string) { return usual(firstSecret+"\n", s, s) },
		accesskey.CauseOtherApp:     func(_ int, s string) (string, string, string, string) { return usual(otherSecret, s, s) },
		accesskey.CauseQueryDropped: func(_ int, s string) (string, string, string, string) { return usual(firstSecret, path(s), s) },
		accesskey.CausePrefixAdded:  func(_ int, s string) (string, string, string, string) { return usual(firstSecret, "/apollo"+s, s) },
		accesskey.CauseQueryJoin: func(_ int, s string) (string, string, string, string) {
			return usual(firstSecret, s, strings.Replace(s, "?", "?&", 1))
		},
		accesskey.CauseNormalized: func(_ int, s string) (string, string, string, string) { return usual(firstSecret, "/"+s, s) },
		accesskey.CauseReencoded: func(_ int, s string) (string, string, string, string) {
			return usual(firstSecret, s, strings.ReplaceAll(s, "%3A", ":"))
		},
		accesskey.CauseDecoded: func(_ int, s string) (string, string, string, string) {
			plain, _ := url.PathUnescape(s)
			return usual(firstSecret, plain, s)
		},
		accesskey.CauseWrongEndpoint: func(_ int, s string) (string, string, string, string) {
			return usual(firstSecret, s, strings.Replace(s, "/configs/", "/configfiles/json/", 1))
		},
		accesskey.CauseHex:           func(_ int, s string) (string, string, string, string) { return firstSecret, s, s, "hex" },
		accesskey.CauseURLSafe:       func(_ int, s string) (string, string, string, string) { return firstSecret, s, s, "url" },
		accesskey.CauseTimeUnit:      func(_ int, s string) (string, string, string, string) { return firstSecret, s, s, "seconds" },
		accesskey.CauseSkew:          func(_ int, s string) (string, string, string, string) { return firstSecret, s, s, "skew" },
		accesskey.CauseForeignScheme: func(_ int, s string) (string, string, string, string) { return firstSecret, s, s, "basic" },
		accesskey.CauseUnsigned:      func(_ int, s string) (string, string, string, string) { return firstSecret, s, s, "none" },
	}
}

// plantedLog has each of causes on n lines of a client named after it, and as
// many good lines of another one between them.
func plantedLog(n int, causes ...accesskey.Cause) string {
	var log strings.Builder
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for i := range n {
		at := start.Add(time.Duration(i) * 10 * time.Minute)
		for _, cause := range causes {
			plant := plantedCauses()[cause]
			target := fmt.Sprintf("/configs/demo/a%%20b/ns%d?ip=%s&messages=%%7B%%22x%%22%%3A1%%7D&n=", i, cause)
			stamp := strconv.FormatInt(at.UnixMilli(), 10)
			secret, signed, arrives, header := plant(i, target)
			switch header {
			case "skew":
				stamp = strconv.FormatInt(at.Add(-3*time.Hour).UnixMilli(), 10)
			case "seconds":
				stamp = strconv.FormatInt(at.Unix(), 10)
			}
			authorization := "Apollo demo:" + accesskey.Signature(schemas.NewSecret([]byte(secret)), stamp, signed)
			for header == "url" && !strings.ContainsAny(authorization, "+/") { // which is what differs
				arrives += "0"
				authorization = "Apollo demo:" + accesskey.Signature(schemas.NewSecret([]byte(secret)), stamp, arrives)
			}
			log.WriteString(tomcatLine(at, "10.0.0.1", arrives, unless(header == "none", stamp), rewritten(header, authorization)))
			good := "/configs/demo/default/application?ip=good"
			log.WriteString(tomcatLine(at, "10.0.0.1", good, stamp, "Apollo demo:"+accesskey.Signature(schemas.NewSecret([]byte(firstSecret)), stamp, good)))
		}
	}
	return log.String()
}

func unless(not bool, text string) string {
	if not {
		return ""
	}
	return text
}

// rewritten is the header as a client or a proxy gets it wrong.
func rewritten(how, authorization string) string {
	app, signature, _ := strings.Cut(authorization, ":")
	switch how {
	case "hex":
		sum, _ := base64.StdEncoding.DecodeString(signature)
		return app + ":" + hex.EncodeToString(sum)
	case "url":
		return app + ":" + strings.NewReplacer("+", "-", "/", "_").Replace(signature)
	case "basic":
		return "Basic cHJveHk6cHJveHk="
	case "none":
		return ""
	}
	return authorization
}

// Every cause is named on every line, and nothing secret is shown.
func TestVerifyLogCauses(t *testing.T) {
	t.Parallel()
	const each = 20
	v := verifyText(t, plantedLog(each, slices.Collect(maps.Keys(plantedCauses()))...), candidate("key/demo/k1", firstSecret), candidate("key/other/k1", otherSecret))
	want, got := map[string]uint64{}, map[string]uint64{}
	for cause := range plantedCauses() {
		want[string(cause)+" is "+string(cause)] = each
	}
	for _, f := range v.Failures {
		if f.Client != "good" { // it has the timestamps of others
			got[f.Client+" is "+string(f.Cause)] += f.Count
		}
		if f.Client == "skew" && f.SkewMS != 3*time.Hour.Milliseconds() {
			t.Errorf("a clock is %d ms off, want three hours", f.SkewMS)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("causes differ (-want +got):\n%s", diff)
	}
	text := reports(t, v)
	for _, secret := range []string{firstSecret, otherSecret, "cHJveHk6", "Apollo demo:"} {
		if strings.Contains(text, secret) {
			t.Errorf("a report shows what is secret:\n%s", text)
		}
	}
}

// However the lines are spread over blocks, the reports are the same.
func TestVerifyLogAgain(t *testing.T) {
	t.Parallel()
	log := plantedLog(40, accesskey.CauseWrongSecret, accesskey.CauseEmptySecret, accesskey.CauseDecoded)
	log = strings.ReplaceAll(log, `"agent"`, `"`+strings.Repeat("agent ", 600)+`"`)
	if len(log) < 3*blockBytes {
		t.Fatalf("%d bytes are too few blocks", len(log))
	}
	first := reports(t, verifyText(t, log, candidate("key/demo/k1", firstSecret)))
	for range 3 {
		again := reports(t, verifyText(t, log, candidate("key/demo/k1", firstSecret)))
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("reports of the same log differ:\n%s", diff)
		}
	}
}

// What is verified can be read as events: the same tallies, no hole where the
// log has none, and lines that were not understood are missing ones.
func TestVerifyLogEvents(t *testing.T) {
	t.Parallel()
	log := plantedLog(15, accesskey.CauseHex, accesskey.CauseSkew) // two and a half hours
	at := time.Date(2026, 11, 20, 15, 30, 0, 0, time.UTC)
	log += tomcatLine(at, "10.0.0.1", "/configs/demo/a/b", "", "")
	keys := []CandidateKey{candidate("key/demo/k1", firstSecret), candidate("key/demo/k2", secondSecret)}
	for _, garbage := range []uint64{0, 3} {
		v := verifyText(t, log+strings.Repeat("?\n", int(garbage)), keys...)
		var events bytes.Buffer
		if err := v.WriteEvents(&events); err != nil {
			t.Fatal(err)
		}
		files, err := NewFiles([]string{writeFile(t, filepath.Join(t.TempDir(), "events.jsonl"), events.String())}, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := Gather(t.Context(), files, Options{Dialect: eventDialect{}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(talliesOf(v.Evidence), talliesOf(e)); diff != "" || e.Coverage.Unparsed > 0 {
			t.Errorf("the tallies differ (-verified +read):\n%s", diff)
		}
		silent, lines := missing(e.Gaps, "cs-1", time.Time{})
		if silent != 2 || lines != garbage || e.Nodes[0].Hours != 4 {
			t.Errorf("%d silent hours of %d, %d lines missing; want 2, 4 and %d", silent, e.Nodes[0].Hours, lines, garbage)
		}
		for _, key := range keys {
			if got := e.Nodes[0].state(key.Subject.String()); got.Fingerprint != key.Secret.Fingerprint() || got.Mode != schemas.ModeObserve {
				t.Errorf("the node says it has loaded %+v", got)
			}
		}
	}
}

// Where a key is enforced, Apollo asks no other; what may have been signed
// with a key that cannot be read is no fault of the client.
func TestVerifyLogModes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	var log strings.Builder
	for _, secret := range []string{firstSecret, secondSecret, "unknown"} {
		target := "/configs/DEMO/default/application"
		log.WriteString(tomcatLine(at, "10.0.0.1", target, stamp, "Apollo demo:"+accesskey.Signature(schemas.NewSecret([]byte(secret)), stamp, target)))
	}
	first, second := candidate("key/demo/k1", firstSecret), candidate("key/demo/k2", secondSecret)
	observed := outcomes(verifyText(t, log.String(), first, second))
	if diff := cmp.Diff(map[string]uint64{"key/demo/k1 ok": 1, "key/demo/k2 ok": 1, "key/DEMO fail signature": 1}, observed); diff != "" {
		t.Errorf("both observe (-want +got):\n%s", diff)
	}
	first.Mode = schemas.ModeEnforce
	lost := CandidateKey{Subject: schemas.Subject{App: "demo", ID: "k3"}, Mode: schemas.ModeEnforce, Err: errors.New("no such file")}
	v := verifyText(t, log.String(), first, second, lost)
	want := map[string]uint64{"key/demo/k1 ok": 1, "key/demo/k2 fail shadowed": 1, "key/DEMO fail unknown_key": 1}
	if diff := cmp.Diff(want, outcomes(v)); diff != "" || len(v.Failures) != 0 || !v.Failed() {
		t.Errorf("k1 is enforced (-want +got):\n%s%v", diff, v.Failures)
	}
	if !strings.Contains(reports(t, v), "key/demo/k3: no such file") {
		t.Error("nobody is told of a key that cannot be read")
	}
}

func TestNewLogVerifierRefuses(t *testing.T) {
	t.Parallel()
	one := candidate("key/demo/k1", firstSecret)
	for want, opts := range map[string]VerifierOptions{
		"there is no dialect":               {Selection: Selection{Name: "iis"}},
		"events hold no signatures":         {Selection: Selection{Name: "event"}},
		"dialect app: target, timestamp or": {Selection: Selection{Name: "app", Mappings: map[string]schemas.Mapping{"app": valid()}}},
		"key/Demo/k1 is given twice":        {Selection: Selection{Name: "tomcat", Environment: "eu"}, Keys: []CandidateKey{one, candidate("key/Demo/k1", "x")}},
	} {
		if _, err := NewLogVerifier(opts); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A log that hides the header says nothing of its client.
func TestVerifyLogMasked(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, masked := range []string{"REDACTED", "[redacted]", "***", "Apollo demo:******"} {
		v := verifyText(t, tomcatLine(at, "10.0.0.1", "/configs/demo/a/b", "1795168800000", masked), candidate("key/demo/k1", firstSecret))
		if v.Coverage.Unparsed != 1 || len(v.Samples) != 1 || v.Samples[0].Reason != "the log hides the value of authorization" {
			t.Errorf("%s: %+v, %v", masked, v.Coverage, v.Samples)
		}
	}
}

// Names that somebody makes up push out no names that are known, and are
// counted as one.
func TestFailureTableIsBounded(t *testing.T) {
	t.Parallel()
	table := newFailureTable()
	table.limit = 100
	for i := range table.limit + 10 {
		who := visitorKey{"demo", clientKey{strconv.Itoa(i), schemas.HowClaimed}}
		table.add(who, accesskey.Diagnosis{Cause: accesskey.CauseHex}, int64(i)+1)
		table.leak(who, 1)
	}
	list := table.list()
	last := list[0] // parentheses come first
	if !table.full || len(list) != table.limit+1 || len(table.leaks()) != table.limit || last.Client != schemas.OverflowClient || last.Count != 10 {
		t.Errorf("%d rows, the overflow %+v", len(list), last)
	}
}

// Whatever a line holds, it is an event that a report can show, or refused;
// and the next one is not read otherwise for it.
func FuzzVerifyLine(f *testing.F) {
	var dialects []Dialect
	for name := range presets() {
		verifier, err := NewLogVerifier(VerifierOptions{
			Selection: Selection{Name: name, Environment: "pro"}, Tolerance: time.Minute,
			Keys: []CandidateKey{candidate("key/demo/k1", firstSecret), candidate("key/demo/k2", secondSecret)},
		})
		if err != nil {
			f.Fatal(err)
		}
		verifier.failures = newFailureTable()
		dialects = append(dialects, verifier)
	}
	for line := range strings.Lines(plantedLog(1, slices.Collect(maps.Keys(plantedCauses()))...)) {
		f.Add(strings.TrimSpace(line))
	}
	f.Fuzz(func(t *testing.T, line string) { checkEvents(t, dialects, line) })
}

// Whose log it is may be told by the path alone; probes of lockstep itself are
// nobody's.
func TestMappingNodeOfFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, node := range []string{"cs-1", "cs-2"} {
		if err := os.Mkdir(filepath.Join(dir, node), 0o700); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, node, "access.log"), tomcatLine(at, "10.0.0.1", "/configs/demo/default/"+node, "", "")+
			tomcatLine(at, "10.0.0.2", "/configs/demo/default/lockstep-probe", "", ""))
	}
	files := func() *Files {
		files, err := NewFiles([]string{dir}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return files
	}
	selection := Selection{Name: "tomcat", Environment: "eu", Nodes: []string{"cs-1", "cs-2"}}
	verifier, err := NewLogVerifier(VerifierOptions{Selection: selection, Keys: []CandidateKey{candidate("key/demo/k1", firstSecret)}})
	if err != nil {
		t.Fatal(err)
	}
	v, err := verifier.Verify(t.Context(), files(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	d, err := NewDialect(selection)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Gather(t.Context(), files(), Options{Dialect: d})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*Evidence{v.Evidence, e} {
		if len(e.Nodes) != 2 || e.Nodes[0].Name != "cs-1" || e.Nodes[1].Name != "cs-2" || e.Coverage.Parsed != 2 || e.Coverage.Ignored != 2 {
			t.Errorf("nodes %+v, lines %+v, want one request at each", e.Nodes, e.Coverage)
		}
	}
}

// Every preset finds what a signature is made of, in a format that has it. A
// long poll that ended a minute after it was signed is in time.
func TestVerifyLogPresets(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	const target = "/notifications/v2?appId=demo&ip=10.1.2.3"
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	header := "Apollo demo:" + accesskey.Signature(schemas.NewSecret([]byte(firstSecret)), stamp, target)
	line := strings.NewReplacer("TARGET", target, "STAMP", stamp, "HEADER", header).Replace
	nginx := schemas.Mapping{
		Preset: "nginx", Pattern: `$msec $request_time $remote_addr "$request" $status "$http_timestamp" "$http_authorization"`,
		Time: "float(msec) - float(request_time)", Layout: "unix",
	}
	for name, log := range map[string]string{
		"tomcat": `1795168800010 10.0.0.1 "-" "GET TARGET HTTP/1.1" 304 "STAMP" "HEADER" "-"`,
		"nginx":  `1795168860.020 60.010 10.0.0.1 "GET TARGET HTTP/1.1" 304 "STAMP" "HEADER"`,
		"envoy":  `[2026-11-20T10:00:00.310Z] "GET TARGET HTTP/1.1" 304 - 0 0 60002 60002 "-" "Java/17" "-" "h" "10.2.0.9:8080" "STAMP" "HEADER"`,
		"caddy": `{"ts":1795168860.02,"logger":"http.log.access.log0","request":{"client_ip":"10.0.0.1","uri":"TARGET",` +
			`"headers":{"Timestamp":["STAMP"],"Authorization":["HEADER"]}},"duration":60.01,"status":304}`,
		"traefik": `{"ClientHost":"10.0.0.1","DownstreamStatus":304,"RequestPath":"TARGET","StartUTC":"2026-11-20T10:00:00.1Z",` +
			`"request_Timestamp":"STAMP","request_Authorization":"HEADER"}`,
	} {
		verifier, err := NewLogVerifier(VerifierOptions{
			Selection: Selection{Name: name, Environment: "eu", Mappings: map[string]schemas.Mapping{"nginx": nginx}},
			Keys:      []CandidateKey{candidate("key/demo/k1", firstSecret)}, Tolerance: time.Minute,
		})
		if err != nil {
			t.Fatal(err)
		}
		verifier.failures = newFailureTable()
		e, ok, err := verifier.Parse(line(log))
		if !ok || err != nil || e.Subject != "key/demo/k1" || e.Client != "10.1.2.3" {
			t.Errorf("%s: %s by %s, %v", name, e.Subject, e.Client, err)
		}
	}
}

// Pairs of slips are found on all lines of a client, also among lines that
// nothing explains, which are not searched for ever.
func TestVerifyLogPairs(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	stamp := strconv.FormatInt(at.UnixMilli(), 10)
	var log strings.Builder
	for i := range 3 * vainEnough {
		target := fmt.Sprintf("/configs/demo/a%%20b/ns%d?ip=agollo", i)
		sign := func(secret, signed string) string {
			return "Apollo demo:" + accesskey.Signature(schemas.NewSecret([]byte(secret)), stamp, signed)
		}
		log.WriteString(tomcatLine(at, "10.0.0.1", target, stamp, sign("", strings.Replace(target, "%20", " ", 1))))
		for _, client := range []string{"agollo", "lost"} {
			unknown := fmt.Sprintf("/configs/demo/default/ns%d?ip=%s", i, client)
			log.WriteString(tomcatLine(at, "10.0.0.1", unknown, stamp, sign("nobody knows", unknown)))
		}
	}
	v := verifyText(t, log.String(), candidate("key/demo/k1", firstSecret))
	got := map[string]uint64{}
	for _, f := range v.Failures {
		got[fmt.Sprint(f.Client, " ", f.Cause, " ", f.Also)] += f.Count
	}
	want := map[string]uint64{"agollo empty_secret decoded": 3 * vainEnough, "agollo wrong_secret ": 3 * vainEnough, "lost wrong_secret ": 3 * vainEnough}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("causes differ (-want +got):\n%s", diff)
	}
}

// Apollo §7: which key a client signs with nobody sees but by replay. A client
// still uses the key of its last good signature.
func TestVerifyLogRotation(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	var log strings.Builder
	for i, use := range []struct{ client, secret string }{
		{"moved", firstSecret}, {"moved", secondSecret}, {"left", firstSecret}, {"back", secondSecret}, {"back", firstSecret}, {"broken", "x"},
	} {
		at := start.Add(time.Duration(i) * time.Minute)
		stamp, target := strconv.FormatInt(at.UnixMilli(), 10), "/configs/demo/default/application?ip="+use.client
		log.WriteString(tomcatLine(at, "10.0.0.1", target, stamp, "Apollo demo:"+accesskey.Signature(schemas.NewSecret([]byte(use.secret)), stamp, target)))
	}
	v := verifyText(t, log.String(), candidate("key/demo/k1", firstSecret), candidate("key/demo/k2", secondSecret))
	uses := v.Uses()
	if uses[0].Clients != 3 || uses[0].Still != 2 || !slices.Equal(uses[0].Who, []string{"back", "left"}) || uses[0].Requests != 3 {
		t.Errorf("k1: %+v, want back and left still on it", uses[0])
	}
	if uses[1].Clients != 2 || uses[1].Still != 1 || !slices.Equal(uses[1].Who, []string{"moved"}) || uses[1].Last != start.Add(3*time.Minute) {
		t.Errorf("k2: %+v, want moved on it", uses[1])
	}
	if text := reports(t, v); !strings.Contains(text, "still on key/demo/k1: back, left\n") {
		t.Errorf("nobody is told who is still on k1:\n%s", text)
	}
}
