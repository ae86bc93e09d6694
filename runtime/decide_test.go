package runtime

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// noon is the time of all decisions here.
var noon = time.UnixMilli(1_800_000_000_000)

// testKey is a key of the app in its subject. The secret of a key that is not
// loaded is empty.
func testKey(tb testing.TB, subject string, mode schemas.Mode, secret string) *loadedKey {
	tb.Helper()
	s, err := schemas.ParseSubject(subject)
	if err != nil {
		tb.Fatal(err)
	}
	value := schemas.NewSecret([]byte(secret))
	return &loadedKey{subject: s, state: schemas.RolloutSubject{Mode: mode}, key: accesskey.NewKey(subject, value), fingerprint: value.Fingerprint()}
}

// testAuth binds to app, or takes it from the target if app is empty.
func testAuth(app string, keys ...*loadedKey) *auth {
	a := auth{
		app: app, tolerance: time.Minute,
		methods: map[string]bool{"GET": true, "HEAD": true},
	}
	return a.inPhases(phasesOf(keys))
}

func signed(secret, target string, at time.Time) request {
	timestamp := strconv.FormatInt(at.UnixMilli(), 10)
	return request{
		method: http.MethodGet, target: target, timestamp: []string{timestamp},
		authorization: []string{"Apollo demo:" + accesskey.Signature(schemas.NewSecret([]byte(secret)), timestamp, target)},
	}
}

// signedFor names another app in the header, which Apollo ignores.
func signedFor(app, target string) request {
	req := signed("s1", target, noon)
	req.authorization = []string{strings.Replace(req.authorization[0], "demo", app, 1)}
	return req
}

func get(target string) request { return request{method: http.MethodGet, target: target} }

func TestDecide(t *testing.T) {
	t.Parallel()
	const path = "/configs/demo/default/application"
	enforced := testAuth("demo", testKey(t, "key/Demo/k1", "enforce", "s1"), testKey(t, "key/demo/k2", "enforce", "s2"))
	observed := testAuth("demo", testKey(t, "key/demo/k1", "observe", "s1"))
	shadowed := testAuth("demo", testKey(t, "key/demo/k1", "enforce", "s1"), testKey(t, "key/demo/k2", "observe", "s2"))
	unloadedShadow := testAuth("demo", testKey(t, "key/demo/k1", "enforce", ""), testKey(t, "key/demo/k2", "observe", "s2"))
	twins := testAuth("demo", testKey(t, "key/demo/k1", "observe", "s1"), testKey(t, "key/demo/k2", "enforce", "s1"))
	headers := testAuth("demo", testKey(t, "key/Demo/k1", "enforce", "s1"))
	headers.headers = true
	disabled := testAuth("demo", testKey(t, "key/demo/k1", "disabled", "s1"))
	unloaded := testAuth("demo", testKey(t, "key/demo/k1", "enforce", ""))
	half := testAuth("demo", testKey(t, "key/demo/k1", "enforce", ""), testKey(t, "key/demo/k2", "enforce", "s2"))
	derived := testAuth("", testKey(t, "key/demo/k1", "observe", "s1"))
	mixed := testAuth("", testKey(t, "key/demo/k1", "observe", "s1"), testKey(t, "key/hard/k1", "enforce", "s2"))
	twice := signed("s1", path, noon)
	twice.authorization = append(twice.authorization, twice.authorization[0])
	twoTimes := signed("s1", path, noon)
	twoTimes.timestamp = append(twoTimes.timestamp, twoTimes.timestamp[0])
	post := signed("s1", path, noon)
	post.method = http.MethodPost

	tests := map[string]struct {
		auth *auth
		req  request
		want string // status subject mode outcome reason; empty fields left out
	}{
		"no auth":                         {nil, get(path), "pass"},
		"no auth, two slashes":            {nil, get("//evil/x"), "400"},
		"no auth, absolute form":          {nil, get("http://h/x"), "400"},
		"enforced, signed":                {enforced, signed("s1", path, noon), "pass key/Demo/k1 enforce ok"},
		"enforced, signed by the second":  {enforced, signed("s2", path, noon), "pass key/demo/k2 enforce ok"},
		"enforced, unsigned":              {enforced, get(path), "401 key/Demo enforce fail missing"},
		"enforced, wrong key":             {enforced, signed("s3", path, noon), "401 key/Demo enforce fail signature"},
		"enforced, late":                  {enforced, signed("s1", path, noon.Add(-time.Minute)), "401 key/Demo enforce fail skew"},
		"enforced, almost late":           {enforced, signed("s1", path, noon.Add(-time.Minute+time.Millisecond)), "pass key/Demo/k1 enforce ok"},
		"enforced, early":                 {enforced, signed("s1", path, noon.Add(time.Minute)), "401 key/Demo enforce fail skew"},
		"enforced, two signatures":        {enforced, twice, "401 key/Demo enforce fail malformed"},
		"enforced, two timestamps":        {enforced, twoTimes, "401 key/Demo enforce fail malformed"},
		"enforced, POST":                  {enforced, post, "405 key/Demo enforce fail refused_target"},
		"enforced, dot segment":           {enforced, signed("s1", "/a/../b", noon), "400 key/Demo enforce fail refused_target"},
		"enforced, two slashes":           {enforced, signed("s1", "//a/b", noon), "400 key/Demo enforce fail refused_target"},
		"enforced, any path":              {enforced, get("/health"), "401 key/Demo enforce fail missing"},
		"observed, signed":                {observed, signed("s1", path, noon), "pass key/demo/k1 observe ok"},
		"observed, unsigned":              {observed, get(path), "pass key/demo observe fail missing"},
		"observed, two signatures":        {observed, twice, "pass key/demo observe fail malformed"},
		"observed, POST":                  {observed, post, "pass key/demo observe fail refused_target"},
		"observed, dot segment":           {observed, signed("s1", "/a/../b", noon), "pass key/demo observe fail refused_target"},
		"observed, two slashes":           {observed, signed("s1", "//a/b", noon), "400 key/demo observe fail refused_target"},
		"shadowed observer does not help": {shadowed, signed("s2", path, noon), "401 key/demo/k2 enforce fail shadowed"},
		"shadowed observer beside":        {shadowed, signed("s1", path, noon), "pass key/demo/k1 enforce ok"},
		"shadowed, wrong key":             {shadowed, signed("s3", path, noon), "401 key/demo enforce fail signature"},
		"shadowed, late":                  {shadowed, signed("s2", path, noon.Add(-time.Minute)), "401 key/demo enforce fail skew"},
		"shadowed, not loaded":            {unloadedShadow, signed("s2", path, noon), "401 key/demo/k2 enforce fail shadowed"},
		"twins, one shadowed":             {twins, signed("s1", path, noon), "pass key/demo/k2 enforce ok"},
		"strict headers":                  {headers, signed("s1", path, noon), "pass key/Demo/k1 enforce ok"},
		"strict headers, other app":       {headers, signedFor("other", path), "401 key/Demo enforce fail malformed"},
		"strict headers, wrong key":       {headers, signed("s2", path, noon), "401 key/Demo enforce fail signature"},
		"disabled, unsigned":              {disabled, get(path), "pass"},
		"disabled, POST":                  {disabled, post, "pass"},
		"disabled, two slashes":           {disabled, get("//a"), "400 observe fail refused_target"},
		"key not loaded":                  {unloaded, signed("s1", path, noon), "401 key/demo enforce fail unknown_key"},
		"key not loaded, empty secret":    {unloaded, signed("", path, noon), "401 key/demo enforce fail unknown_key"},
		"key not loaded, unsigned":        {unloaded, get(path), "401 key/demo enforce fail missing"},
		"one of two loaded, matches":      {half, signed("s2", path, noon), "pass key/demo/k2 enforce ok"},
		"one of two loaded, other":        {half, signed("s1", path, noon), "401 key/demo enforce fail unknown_key"},
		"derived":                         {derived, signed("s1", path, noon), "pass key/demo/k1 observe ok"},
		"derived, case":                   {derived, signed("s1", "/configs/DEMO/a/b", noon), "pass key/demo/k1 observe ok"},
		"derived, from the query":         {derived, get("/notifications/v2?appId=demo"), "pass key/demo observe fail missing"},
		"derived, not guarded":            {derived, get("/services/config"), "pass"},
		"derived, not guarded, POST":      {derived, request{method: "POST", target: "/health"}, "pass observe fail refused_target"},
		"derived, app without keys":       {derived, get("/configs/free/a/b"), "pass"},
		"derived, no app":                 {derived, get("/configs/"), "pass"},
		"strict, no app":                  {mixed, get("/configs/"), "400 enforce fail refused_target"},
		"strict, observed app":            {mixed, get(path), "pass key/demo observe fail missing"},
		"strict, observed app, POST":      {mixed, post, "405 key/demo enforce fail refused_target"},
		"strict, not guarded":             {mixed, get("/health"), "pass"},
		"strict, not guarded, POST":       {mixed, request{method: "POST", target: "/health"}, "405 enforce fail refused_target"},
		"strict, two apps in the query":   {mixed, get("/notifications/v2?appId=free&appId=hard"), "400 enforce fail refused_target"},
		"strict, encoded dots":            {mixed, get("/configs/free/%2e%2e/hard/a"), "400 key/hard enforce fail refused_target"},
		"strict, path parameter":          {mixed, get("/configs/hard;x/a/b"), "400 key/hard enforce fail refused_target"},
		"strict, enforced app":            {mixed, get("/configs/hard/a/b"), "401 key/hard enforce fail missing"},
	}
	for name, test := range tests {
		if got := describeDecision(decide(test.auth, test.req, noon)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func describeDecision(d decision) string {
	status := "pass"
	if d.status != 0 {
		status = strconv.Itoa(d.status)
	}
	words := []string{status, d.subject, string(d.mode), string(d.outcome), string(d.reason)}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

func TestDecideKeepsTheSkew(t *testing.T) {
	t.Parallel()
	a := testAuth("demo", testKey(t, "key/demo/k1", "enforce", "s1"))
	if d := decide(a, signed("s1", "/a", noon.Add(-5*time.Second)), noon); d.skewMS != 5000 {
		t.Errorf("skew %d ms, our clock is 5 s ahead", d.skewMS)
	}
}
