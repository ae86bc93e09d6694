package accesskey_test

import (
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

const plantedSecret = "df23df3f59884980844ff3dada30fa97"

// A plant is a request that a client or a proxy got wrong in one way.
type plant struct {
	secret, signed, target string // the secret and the text that were signed, and the target that arrives
	stamp                  string
	header                 func(signature []byte) string
	hash                   func() hash.Hash
	unsigned, unstamped    bool
	late                   time.Duration
}

// plants make the i-th request of each cause. The targets differ, and have
// what the cause needs.
func plants(i int) map[accesskey.Cause]plant {
	target := fmt.Sprintf("/configs/demo/default/ns%d?releaseKey=2020%d&ip=10.0.0.%d", i, i, i)
	escaped := fmt.Sprintf("/configs/demo/a%%20b%d/c%%2Bd?ip=10.0.0.%d&messages=%%7B%%22x%%22%%3A%d%%7D", i, i, i)
	plain, _ := url.PathUnescape(escaped)
	path, query, _ := strings.Cut(target, "?")
	pick := func(values ...string) string { return values[i%len(values)] }
	text := func(s string) func([]byte) string { return func([]byte) string { return s } }
	app := func(encode func([]byte) string) func([]byte) string {
		return func(sum []byte) string { return "Apollo demo:" + encode(sum) }
	}
	_, escapedQuery, _ := strings.Cut(escaped, "?")
	return map[accesskey.Cause]plant{
		accesskey.CauseUnsigned:        {unsigned: true, unstamped: true},
		accesskey.CauseNoTimestamp:     {unstamped: true},
		accesskey.CauseNoAuthorization: {unsigned: true},
		accesskey.CauseEmptySignature:  {header: text("Apollo demo:")},
		accesskey.CauseForeignScheme:   {header: text(pick("Basic ZGVtbzpkZW1v", "Bearer abc.def.ghi", "Digest username=\"a:b\""))},
		accesskey.CauseNoSignature:     {header: text(pick("Apollo demo:tbd", "signature", "Apollo demo:sig=:x"))},
		accesskey.CauseTimestampForm:   {stamp: pick("1576478257.344", "2019-12-16T06:37:37Z", "now")},
		accesskey.CauseTimeUnit:        {stamp: pick("1576478257", "1576478257344000", "1576478257344000000")},
		accesskey.CauseSkew:            {late: time.Duration(i+1) * time.Minute},
		accesskey.CauseHex:             {header: func(sum []byte) string { return pick("Apollo demo:", "") + hex.EncodeToString(sum) }},
		accesskey.CauseURLSafe: {header: app(func(sum []byte) string {
			return strings.TrimRight(base64.URLEncoding.EncodeToString(sum), pick("=", "~")) + pick("", "")
		}), target: hasMarks(target)},
		accesskey.CauseEscaped: {header: app(func(sum []byte) string {
			return url.QueryEscape(base64.StdEncoding.EncodeToString(sum))
		})},
		accesskey.CauseHash:          {hash: sha256.New},
		accesskey.CauseEmptySecret:   {secret: "\x00"},
		accesskey.CausePlaceholder:   {secret: pick("null", "undefined", "demo", "${apollo.access-key.secret}")},
		accesskey.CauseQuotedSecret:  {secret: pick(`"`+plantedSecret+`"`, "'"+plantedSecret+"'")},
		accesskey.CauseSpaceSecret:   {secret: pick(plantedSecret+"\n", plantedSecret+"\r\n", " "+plantedSecret, plantedSecret+" ", "\ufeff"+plantedSecret)},
		accesskey.CauseSecretForm:    {secret: pick(strings.ToUpper(plantedSecret), "df23df3f-5988-4980-844f-f3dada30fa97", base64.StdEncoding.EncodeToString([]byte(plantedSecret)))},
		accesskey.CauseOtherApp:      {secret: "the key of another app"},
		accesskey.CauseWrongSecret:   {secret: fmt.Sprintf("a key of %d days ago", i)},
		accesskey.CausePrefixLost:    {target: pick("/apollo", "/a/b/c") + target, signed: target},
		accesskey.CausePrefixAdded:   {signed: pick("/apollo", "/own") + target},
		accesskey.CauseQueryDropped:  {signed: path},
		accesskey.CauseQueryJoin:     {target: pick(path+"?&"+query, target), signed: pick(target, path+"?&"+query)},
		accesskey.CauseQueryChanged:  {signed: fmt.Sprintf(pick("%s?ip=10.0.0.%d", "%[1]s?releaseKey=2020%d"), path, i)},
		accesskey.CauseDecoded:       {target: escaped, signed: pick(plain, strings.Split(plain, "?")[0]+"?"+escapedQuery)},
		accesskey.CauseReencoded:     {target: strings.ReplaceAll(escaped, pick("%7B", "%22"), pick("{", `"`)), signed: escaped},
		accesskey.CauseWrongEndpoint: {target: strings.Replace(target, "/configs", "/configfiles/json", 1), signed: strings.Replace(target, "/configs", pick("/configfiles", "/configs"), 1)},
		accesskey.CauseNormalized:    {signed: pick("/"+target, path+"/?"+query)},
		accesskey.CauseStringToSign:  {stamp: pick(strconv.Itoa(testNowMS), strconv.Itoa(testNowMS)), signed: "\x00" + pick("", `\n`) + target},
	}
}

// hasMarks finds a target whose signature has a character that differs in the
// alphabet for URLs.
func hasMarks(target string) string {
	for n := 0; ; n++ {
		each := target + "&n=" + strconv.Itoa(n)
		if strings.ContainsAny(accesskey.Signature(schemas.NewSecret([]byte(plantedSecret)), strconv.Itoa(testNowMS), each), "+/") {
			return each
		}
	}
}

// request makes the request of a plant.
func (p plant) request(i int) (accesskey.Request, time.Time) {
	now := time.UnixMilli(testNowMS)
	if p.target == "" {
		p.target = fmt.Sprintf("/configs/demo/default/ns%d?releaseKey=2020%d&ip=10.0.0.%d", i, i, i)
	}
	if p.signed == "" {
		p.signed = p.target
	}
	if p.stamp == "" {
		p.stamp = strconv.FormatInt(now.Add(-p.late).UnixMilli(), 10)
	}
	if p.secret == "" {
		p.secret = plantedSecret
	}
	if p.hash == nil {
		p.hash = sha1.New
	}
	mac := hmac.New(p.hash, []byte(strings.TrimPrefix(p.secret, "\x00")))
	message, bare := strings.CutPrefix(p.signed, "\x00")
	if !bare {
		message = "\n" + message
	}
	mac.Write([]byte(p.stamp + message))
	if p.header == nil {
		p.header = func(sum []byte) string { return "Apollo demo:" + base64.StdEncoding.EncodeToString(sum) }
	}
	req := accesskey.Request{Target: p.target}
	if !p.unstamped {
		req.Timestamp = []string{p.stamp}
	}
	if !p.unsigned {
		req.Authorization = []string{p.header(mac.Sum(nil))}
	}
	return req, now
}

func testCandidates() []accesskey.Candidate {
	var candidates []accesskey.Candidate
	for name, secret := range map[string]string{
		"key/demo/k1": plantedSecret, "key/demo/k2": "the second key", "key/other/k1": "the key of another app",
	} {
		subject, _ := schemas.ParseSubject(name)
		candidates = append(candidates, accesskey.Candidate{Subject: subject, Secret: schemas.NewSecret([]byte(secret))})
	}
	slices.SortFunc(candidates, func(a, b accesskey.Candidate) int { return strings.Compare(a.Subject.String(), b.Subject.String()) })
	return candidates
}

// TestDiagnose plants each cause on many requests, and wants all of them
// named, whether or not it is known what the client did before.
func TestDiagnose(t *testing.T) {
	t.Parallel()
	const each = 24
	diagnoser := accesskey.NewDiagnoser(testCandidates(), []string{"/own"})
	made, before := keys(plantedSecret, "the second key"), accesskey.Diagnosis{}
	for _, cause := range accesskey.Causes() {
		for i := range each {
			p, planted := plants(i)[cause]
			if !planted {
				t.Fatalf("%s is planted nowhere", cause)
			}
			req, now := p.request(i)
			result := accesskey.Verify(made, req, now, tolerance)
			if result.OK() {
				t.Fatalf("%s, %d: the request passes", cause, i)
			}
			got := diagnoser.Diagnose("demo", req, result, accesskey.Diagnosis{})
			if got.Cause != cause {
				t.Errorf("%s, %d: diagnosed as %q and %q", cause, i, got.Cause, got.Also)
			}
			again := diagnoser.Diagnose("demo", req, result, before)
			if again.Cause != got.Cause || again.Also != got.Also || again.Subject != got.Subject {
				t.Errorf("%s, %d: %q after another request, else %q", cause, i, again.Cause, got.Cause)
			}
			before = got
		}
	}
}

// TestDiagnosePairs has two causes in one request.
func TestDiagnosePairs(t *testing.T) {
	t.Parallel()
	const target, escaped = "/configs/demo/default/x?ip=1", "/configs/demo/a%20b/x?ip=1"
	diagnoser := accesskey.NewDiagnoser(testCandidates(), nil)
	for name, c := range map[string]struct {
		plant
		cause, also accesskey.Cause
		subject     string
	}{
		"apollo §1: agollo signs also with an empty secret, and the decoded path": {
			plant{secret: "\x00", target: escaped, signed: "/configs/demo/a b/x?ip=1"}, accesskey.CauseEmptySecret, accesskey.CauseDecoded, "key/",
		},
		"apollo, how real clients sign: PHP's ApolloSdk sends an empty signature": {
			plant{header: func([]byte) string { return "Apollo demo:" }}, accesskey.CauseEmptySignature, accesskey.CauseNone, "key/",
		},
		"apollo, how real clients sign: Python cuts the path of its base URL off": {
			plant{target: "/apollo" + target, signed: target}, accesskey.CausePrefixLost, accesskey.CauseNone, "key/demo/k1",
		},
		"apollo §1: Java without a secret sends no header": {plant{unsigned: true, unstamped: true}, accesskey.CauseUnsigned, accesskey.CauseNone, "key/"},
		"a slow clock and a line break": {
			plant{late: time.Hour, secret: plantedSecret + "\n"}, accesskey.CauseSkew, accesskey.CauseSpaceSecret, "key/demo/k1",
		},
		"seconds alone": {plant{stamp: "1576478257"}, accesskey.CauseTimeUnit, accesskey.CauseNone, "key/demo/k1"},
		"apollo, how real clients sign: @gaoding sends hexadecimal digits alone, and signs no query": {
			plant{header: func(sum []byte) string { return hex.EncodeToString(sum) }, target: target, signed: "/configs/demo/default/x"},
			accesskey.CauseHex, accesskey.CauseQueryDropped, "key/demo/k1",
		},
		"another app and a lost prefix": {
			plant{secret: "the key of another app", target: "/p" + target, signed: target}, accesskey.CauseOtherApp, accesskey.CausePrefixLost, "key/other/k1",
		},
		"the second key": {plant{secret: "the second key", target: target, signed: "/configs/demo/default/x"}, accesskey.CauseQueryDropped, accesskey.CauseNone, "key/demo/k2"},
	} {
		req, now := c.request(1)
		got := diagnoser.Diagnose("demo", req, accesskey.Verify(keys(plantedSecret), req, now, tolerance), accesskey.Diagnosis{})
		if got.Cause != c.cause || got.Also != c.also || got.Subject.String() != c.subject {
			t.Errorf("%s: %q and %q by %s, want %q and %q by %s", name, got.Cause, got.Also, got.Subject, c.cause, c.also, c.subject)
		}
		if c.cause == accesskey.CauseSkew && got.SkewMS != c.late.Milliseconds() {
			t.Errorf("%s: %d ms, want %s", name, got.SkewMS, c.late)
		}
	}
}

// TestCausesExplain: whoever meets a cause is told what to do.
func TestCausesExplain(t *testing.T) {
	t.Parallel()
	for _, cause := range accesskey.Causes() {
		if cause.What() == "" || cause.Fix() == "" || strings.HasSuffix(cause.Fix(), ".") {
			t.Errorf("%s: %q, fix %q", cause, cause.What(), cause.Fix())
		}
	}
	if accesskey.CauseNone.What() != "" {
		t.Error("no cause is explained")
	}
}
