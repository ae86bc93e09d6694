package runtime

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// A brownout refuses until it ends, and nobody has to load anything then. Of
// two that overlap each ends by itself.
func TestBrownoutEndsByItself(t *testing.T) {
	t.Parallel()
	const path = "/configs/demo/default/application"
	short, long := testKey(t, "key/demo/k1", "enforce", "s1"), testKey(t, "key/other/k1", "enforce", "s2")
	short.state.Until, short.state.Then = noon, schemas.ModeObserve
	long.state.Until, long.state.Then = noon.Add(time.Hour), schemas.ModeDisabled
	a := testAuth("", short, long)
	for _, test := range []struct {
		at         time.Duration
		short      string
		long, post int // status for the other app, and of a method that a strict listener refuses
	}{
		{-time.Hour, "401 key/demo enforce fail missing", 401, 405},
		{-time.Nanosecond, "401 key/demo enforce fail missing", 401, 405},
		{0, "pass key/demo observe fail missing", 401, 405},
		{time.Hour - 1, "pass key/demo observe fail missing", 401, 405},
		{time.Hour, "pass key/demo observe fail missing", 0, 0},
		{1000 * time.Hour, "pass key/demo observe fail missing", 0, 0},
	} {
		now := noon.Add(test.at)
		if got := describeDecision(decide(a, get(path), now)); got != test.short {
			t.Errorf("%s: %s, want %s", test.at, got, test.short)
		}
		if d := decide(a, get("/configs/other/default/application"), now); d.status != test.long {
			t.Errorf("%s: the other app answers %d, want %d", test.at, d.status, test.long)
		}
		if d := decide(a, request{method: http.MethodPost, target: path}, now); d.status != test.post {
			t.Errorf("%s: POST answers %d, want %d", test.at, d.status, test.post)
		}
	}
}

// A share refuses so many per cent of the clients that are verified, always
// the same ones, and nobody who only claims to be somebody.
func TestShareRefusesSome(t *testing.T) {
	t.Parallel()
	const path, clients = "/configs/demo/default/application", 2000
	last := map[string]bool{}
	for _, share := range []int{1, 10, 50} {
		key := testKey(t, "key/Demo/k1", "enforce", "s1")
		key.state.Share = share
		a := testAuth("demo", key)
		refused := map[string]bool{}
		for i := range clients {
			name := fmt.Sprintf("10.0.%d.%d", i/256, i%256)
			d := decide(a, get(path), noon)
			d.spare(client{name, schemas.HowVerified}, path)
			refused[name] = d.status == http.StatusUnauthorized
			if (d.mode == schemas.ModeEnforce) != refused[name] || d.outcome != schemas.OutcomeFail {
				t.Fatalf("%d per cent: %+v", share, d)
			}
			if last[name] && !refused[name] {
				t.Errorf("%s was in the smaller share", name)
			}
			claim := decide(a, get(path), noon)
			if claim.spare(client{name, schemas.HowClaimed}, path); claim.status != 0 {
				t.Errorf("%d per cent: one that only claims to be %s is refused", share, name)
			}
		}
		n := 0
		for _, yes := range refused {
			if yes {
				n++
			}
		}
		if got := 100 * float64(n) / clients; got < float64(share)*0.7 || got > float64(share)*1.3 {
			t.Errorf("%d per cent: %.1f are refused", share, got)
		}
		last = refused
	}
}

// What could reach another host is refused whoever asks, and one key of the
// app that is enforced for all is enough.
func TestShareSparesNoMore(t *testing.T) {
	t.Parallel()
	some, all := testKey(t, "key/demo/k1", "enforce", "s1"), testKey(t, "key/demo/k2", "enforce", "s2")
	some.state.Share = 1
	d := decide(testAuth("demo", some), get("//evil/x"), noon)
	if d.spare(client{"x", schemas.HowClaimed}, "//evil/x"); d.status != http.StatusBadRequest {
		t.Errorf("two slashes: %+v", d)
	}
	if d := decide(testAuth("demo", some, all), get("/a"), noon); d.share != 100 {
		t.Errorf("beside a key for all the share is %d", d.share)
	}
	if d := decide(testAuth("demo", some), signed("s1", "/a", noon), noon); d.status != 0 || d.outcome != schemas.OutcomeOK {
		t.Errorf("a signed request: %+v", d)
	}
}

// A brownout that would end in a stronger mode does not, and raises an alarm.
func TestThenNeverHardens(t *testing.T) {
	t.Parallel()
	source := map[string]schemas.RolloutSubject{
		"key/demo/k1": {Mode: schemas.ModeObserve, Secret: "env:K", Until: noon, Then: schemas.ModeEnforce},
	}
	in := &inputs{rollout: &schemas.Rollout{Subjects: source}}
	keys, alarms := loadKeys(in, nil, func(string) string { return "secret" })
	if len(alarms) != 1 || keys[0].state.ModeAt(noon) != schemas.ModeObserve {
		t.Errorf("alarms %q, then %s", alarms, keys[0].state.ModeAt(noon))
	}
}

// A server refuses its caller exactly if that is in the share.
func TestServerServesAShare(t *testing.T) {
	t.Parallel()
	up := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(up.Close)
	plain, _, _ := strings.Cut(target, "?")
	share := 1
	for !schemas.InShare("demo", "127.0.0.1", share) {
		share++
	}
	for _, test := range []struct{ share, want int }{{share - 1, http.StatusOK}, {share, http.StatusUnauthorized}, {100, http.StatusUnauthorized}} {
		if test.share == 0 {
			continue // nothing to set
		}
		w := newWorld(t, up.URL)
		text := rollout("key/demo/k1", "enforce", "file:k1")
		w.write("rollout.yaml", strings.Replace(text, "since:", "share: "+strconv.Itoa(test.share)+", since:", 1))
		w.start()
		if status, _ := w.get(plain); status != test.want {
			t.Errorf("share %d, where the caller is in %d: status %d, want %d", test.share, share, status, test.want)
		}
		if status, _ := w.get(target); test.share < 100 && status != http.StatusOK {
			t.Errorf("share %d: who only claims to be somebody gets status %d", test.share, status)
		}
	}
}
