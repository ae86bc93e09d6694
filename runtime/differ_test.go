package runtime

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"lockstep/schemas"
)

// A differCase is a request to a listener, and the keys behind it.
type differCase struct {
	app           string // that the listener is bound to; empty: as Apollo does
	keys          []differKey
	method        string
	target        string
	timestamp     *string
	authorization *string
}

type differKey struct {
	app, id string
	mode    schemas.Mode
}

// secret is the same under one id in all apps.
func (k differKey) secret() string { return "secret of " + k.id }

// pick takes one of some at random.
func pick[T any](random *rand.Rand, some ...T) T { return some[random.IntN(len(some))] }

// randomCase makes up a request that is mostly almost right.
func randomCase(random *rand.Rand) differCase {
	c := differCase{
		app: pick(random, "", "", "", "demo"), method: pick(random, "GET", "GET", "GET", "GET", "GET", "HEAD", "POST"), target: randomTarget(random),
	}
	for _, app := range []string{"demo", "Other"} {
		for id := range random.IntN(4) {
			c.keys = append(c.keys, differKey{app, "k" + strconv.Itoa(id), pick(random, schemas.Modes()...)})
		}
	}
	if random.IntN(12) > 0 {
		timestamp := randomTimestamp(random)
		c.timestamp = &timestamp
	}
	if random.IntN(12) > 0 {
		authorization := c.randomAuthorization(random)
		c.authorization = &authorization
	}
	return c
}

func randomTarget(random *rand.Rand) string {
	app := pick(random, "demo", "demo", "demo", "DEMO", "Other", "other", "free", "%64emo", "", ".x", "d\u00e9mo", "demo%20")
	var target string
	switch random.IntN(8) {
	case 0:
		target = pick(random, "/notifications/v2?", "/notifications?", "/notifications/?", "/notifications/v2/x?x=1&") +
			pick(random, "appId=", "appId=", "cluster=c&appId=", "%61ppId=", "appid=", "appId=%zz&appId=") + app +
			pick(random, "", "&notifications=%5B%5D", "&appId=free", "&&", "+")
	case 1:
		target = pick(random, "/", "/health", "/services/config?appId=demo", "/configs", "/configfiles", "/configfiles/json", "//configs/demo/x", "*", "http://h/configs/demo/x")
	default:
		target = pick(random, "/configs/", "/configs/", "/configfiles/", "/configfiles/json/", "/configfiles/raw/", "/%63onfigs/", "/Configs/", "/configs//") +
			app + pick(random, "/default/application", "/default/application", "/a/b", "", "/", "//", "/a%20b", "/../free/a", "/./x", "/%2e%2e/x", ";v=1/x", "%2Fx/y", `\x/y`, "/\u00e9", "/a|b", "/%00", "/%")
	}
	if !strings.Contains(target, "?") {
		target += pick(random, "", "", "?", "??", "?ip=10.0.0.1", "?&ip=", "?x=a;b", "?x=%zz", "?messages=%7B%22a%22%3A1%7D")
	}
	if random.IntN(12) == 0 && target != "" {
		at := random.IntN(len(target))
		target = target[:at] + pick(random, "/", ".", "%", ";", "?", "&", "=", "A", "%2e", "") + target[at:]
	}
	return target
}

func randomTimestamp(random *rand.Rand) string {
	offset := pick(random, 0, 0, 0, 1, 30_000, 59_999, 60_000, 60_001, 1<<40) * pick(random, 1, -1)
	exact := strconv.FormatInt(noon.UnixMilli()-int64(offset), 10)
	if random.IntN(5) > 0 {
		return exact
	}
	return pick(random, "+"+exact, "00"+exact, "-"+exact, " "+exact, exact+".0", exact[:10], "", "0", "x", "\u0661",
		"9223372036854775807", "-9223372036854775808", "9223372036854775808", "1_8", "0x1")
}

// randomAuthorization signs with a key of some app, or with none there is.
func (c *differCase) randomAuthorization(random *rand.Rand) string {
	timestamp := ""
	if c.timestamp != nil {
		timestamp = *c.timestamp
	}
	secret := differKey{id: "k" + strconv.Itoa(random.IntN(4))}.secret()
	target := c.target
	if random.IntN(12) == 0 {
		target = pick(random, target+"?", strings.TrimSuffix(target, "?"), target+"x", strings.ToLower(target), strings.ReplaceAll(target, "%20", " "))
	}
	signature := plainSignature(secret, timestamp, target)
	if random.IntN(12) == 0 {
		signature = pick(random, "", signature[:27], signature+"=", strings.ToLower(signature), " "+signature, fmt.Sprintf("%x", signature), signature[:10]+"\u00e9")
	}
	prefix := pick(random, "Apollo demo:", "Apollo demo:", "Apollo Demo:", "Apollo other:", "Basic x:", "apollo demo:", ":", "::", "", "Apollo demo", "Apollo  demo:", "Apollo \u017f:")
	return prefix + signature + pick(random, "", "", "", ":", ":x", ",y")
}

// request is the case as decide takes it.
func (c *differCase) request() request {
	req := request{method: c.method, target: c.target}
	if c.timestamp != nil {
		req.timestamp = []string{*c.timestamp}
	}
	if c.authorization != nil {
		req.authorization = []string{*c.authorization}
	}
	return req
}

// apollo is a config service with the keys of the case, and whether any of
// those that the listener may ask for is enforced.
func (c *differCase) apollo() (server apolloServer, enforced bool) {
	server = apolloServer{keys: map[string][]apolloKey{}, app: c.app, now: noon.UnixMilli()}
	for _, key := range c.keys {
		app := strings.ToLower(key.app)
		if key.mode != schemas.ModeDisabled {
			server.keys[app] = append(server.keys[app], apolloKey{key.secret(), key.mode == schemas.ModeEnforce})
		}
		enforced = enforced || (key.mode == schemas.ModeEnforce && (c.app == "" || c.app == app))
	}
	return server, enforced
}

// A differ compares decisions to those of Apollo, and counts them.
type differ struct {
	t     *testing.T
	keys  map[differKey]*loadedKey
	seen  map[string]int
	wrong int
}

func newDiffer(t *testing.T) *differ {
	t.Helper()
	return &differ{t: t, keys: map[differKey]*loadedKey{}, seen: map[string]int{}}
}

func (f *differ) auth(c *differCase) *auth {
	var keys []*loadedKey
	for _, key := range c.keys {
		if f.keys[key] == nil {
			f.keys[key] = testKey(f.t, "key/"+key.app+"/"+key.id, key.mode, key.secret())
		}
		keys = append(keys, f.keys[key])
	}
	return testAuth(c.app, keys...)
}

// compare holds a decision, by default and with strict headers, against
// Apollo's answer.
func (f *differ) compare(c differCase) {
	f.t.Helper()
	server, enforced := c.apollo()
	want := server.answer(c.target, c.timestamp, c.authorization)
	a, req := f.auth(&c), c.request()
	got := decide(a, req, noon)
	a.headers = true
	strict := decide(a, req, noon)
	f.seen[fmt.Sprintf("%d %s", want, got.reason)]++
	f.seen["signed "+string(got.outcome)]++

	readable := plainlyReadable(c.method, c.target)
	switch {
	case want == http.StatusUnauthorized && got.status == 0:
		f.fail("Apollo would refuse it, and it passes", c, got)
	case enforced && readable && got.status != want:
		f.fail(fmt.Sprintf("Apollo answers %d", want), c, got)
	case enforced && !readable && got.status == 0:
		f.fail("two servers may read it differently, and it passes", c, got)
	case !enforced && (got.status != 0) != !forwardable(c.target):
		f.fail("nothing is enforced, and it is refused, or it cannot be sent on", c, got)
	}
	f.compareStrict(c, got, strict)
}

// compareStrict makes sure that strictness refuses what it says and no more.
func (f *differ) compareStrict(c differCase, got, strict decision) {
	f.t.Helper()
	if got.outcome != schemas.OutcomeOK {
		if strict != got {
			f.fail("strictness changes what fails anyhow", c, strict)
		}
		return
	}
	_, app, _ := strings.Cut(got.app, "/")
	plain := plainStrict(app, *c.timestamp, *c.authorization)
	f.seen[fmt.Sprintf("strict %t", plain)]++
	refused := got.mode == schemas.ModeEnforce && !plain
	if (strict.outcome == schemas.OutcomeOK) != plain || (strict.status != 0) != refused {
		f.fail(fmt.Sprintf("a strict listener should take it: %t", plain), c, strict)
	}
}

func (f *differ) fail(what string, c differCase, d decision) {
	f.t.Helper()
	if f.wrong++; f.wrong > 10 {
		f.t.FailNow()
	}
	show := func(text *string) string {
		if text == nil {
			return "absent"
		}
		return strconv.Quote(*text)
	}
	f.t.Errorf("%s: %s %q for app %q, timestamp %s, authorization %s, keys %v: %s", what,
		c.method, c.target, c.app, show(c.timestamp), show(c.authorization), c.keys, describeDecision(d))
}

// TestDecideDiffersNowhere compares 20,000 requests, a million with FULL=1,
// and makes sure that they were no easy ones.
func TestDecideDiffersNowhere(t *testing.T) {
	t.Parallel()
	cases := 20_000
	if os.Getenv("FULL") != "" {
		cases = 1_000_000
	}
	random, f := rand.New(rand.NewPCG(5, uint64(cases))), newDiffer(t)
	for range cases {
		f.compare(randomCase(random))
	}
	for _, kind := range []string{
		"0 ", "0 missing", "0 skew", "0 signature", "0 malformed", "0 refused_target", "400 refused_target",
		"401 missing", "401 skew", "401 signature", "401 shadowed", "401 malformed", "401 refused_target",
		"signed ok", "signed fail", "strict true", "strict false",
	} {
		if f.seen[kind] < cases/1000 {
			t.Errorf("only %d of %d are %q: %v", f.seen[kind], cases, kind, maps.Clone(f.seen))
		}
	}
}

// FuzzDecideAsApollo compares requests that the fuzzer makes up of those: an
// empty text leaves what was there, and $ stands for the right signature.
func FuzzDecideAsApollo(f *testing.F) {
	f.Add(uint64(1), "/configs/demo/default/app?ip=1", "", "Apollo demo:$")
	f.Add(uint64(5), "/a?", "+1800000000000", ":$:x")
	f.Add(uint64(77), "/notifications/v2?appId=demo", "1800000060000", "a:b")
	f.Add(uint64(200), "//configs/%64emo/..;x/", "garbage", "$")
	f.Fuzz(func(t *testing.T, seed uint64, target, timestamp, authorization string) {
		random := rand.New(rand.NewPCG(seed, 1))
		c := randomCase(random)
		if target != "" {
			c.target = target
		}
		if timestamp != "" {
			c.timestamp = &timestamp
		}
		if authorization != "" && c.timestamp != nil {
			secret := differKey{id: "k" + strconv.Itoa(random.IntN(4))}.secret()
			authorization = strings.ReplaceAll(authorization, "$", plainSignature(secret, *c.timestamp, c.target))
			c.authorization = &authorization
		}
		newDiffer(t).compare(c)
		if plainlyReadable(c.method, c.target) {
			checkInvariants(t, c, random)
		}
	})
}

// checkInvariants gives an app three keys in any modes; some things hold for
// every decision about it.
func checkInvariants(t *testing.T, c differCase, random *rand.Rand) {
	t.Helper()
	c.app, c.keys = "demo", nil
	count := map[schemas.Mode]int{}
	for i := range 3 {
		mode := pick(random, schemas.Modes()...)
		count[mode]++
		c.keys = append(c.keys, differKey{"demo", "k" + strconv.Itoa(i), mode})
	}
	d := decide(newDiffer(t).auth(&c), c.request(), noon)
	enforced, checked := count[schemas.ModeEnforce] > 0, count[schemas.ModeDisabled] < 3
	if checked != (d.subject != "") || checked != (d.outcome != "") {
		t.Errorf("%+v with %v: counted or not", d, count)
	}
	if d.status != 0 && (!enforced || d.outcome != schemas.OutcomeFail || d.mode != schemas.ModeEnforce) {
		t.Errorf("%+v with %v: refused without an enforced key", d, count)
	}
	if (d.outcome == schemas.OutcomeOK || d.reason == schemas.ReasonShadowed) != (strings.Count(d.subject, "/") == 2) {
		t.Errorf("%+v: what a key signed counts under it, other failures under the app", d)
	}
}
