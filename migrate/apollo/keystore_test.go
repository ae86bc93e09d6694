package apollo_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/migrate"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// Apollo §4: Mode 0 is FILTER, 1 OBSERVER, IsEnabled decides whether either
// counts. Secrets do not leave the store.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{AdminToken: token})
	w.AddKey("demo", secretTwo, apollotest.Observer, true)
	w.AddKey("demo", secretOne, apollotest.Filter, true)
	w.AddKey("demo", "CANARY-3", apollotest.Observer, false)
	w.AddKey("demo", "CANARY-4", apollotest.Filter, false)
	w.AddKey("demo", "CANARY-5", apollotest.Mode(2), true) // 2.5.2 takes any number; it has no effect
	keys, err := w.store.Keys(t.Context(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range keys { // by id, while 2.5.2 on MariaDB answers by secret
		got = append(got, k.ID+" "+string(k.Mode))
	}
	if want := []string{"1 observe", "2 enforce", "3 disabled", "4 disabled", "5 disabled"}; !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	if want := schemas.NewSecret([]byte(secretTwo)).Fingerprint(); keys[0].Fingerprint != want || !keys[0].Changed.Equal(w.clock.now().Truncate(time.Second)) || keys[0].By != "apollo" {
		t.Errorf("key %+v, want fingerprint %s, the second of the change and who made it", keys[0], want)
	}
	clean(t, "the keys", fmt.Sprintf("%+v", keys))
}

// Each mode is one call that names the mode: left out, Apollo enforces
// (apollo §5: mode since 2.4, default 0).
func TestSetIsOneExplicitCall(t *testing.T) {
	t.Parallel()
	for to, want := range map[schemas.Mode]string{
		schemas.ModeObserve:  "PUT /apps/demo/accesskeys/1/enable?mode=1&operator=lockstep",
		schemas.ModeEnforce:  "PUT /apps/demo/accesskeys/1/enable?mode=0&operator=lockstep",
		schemas.ModeDisabled: "PUT /apps/demo/accesskeys/1/disable?operator=lockstep",
	} {
		w := newWorld(t, apollotest.Options{})
		w.AddKey("demo", secretOne, apollotest.Observer, to == schemas.ModeDisabled)
		if err := w.set(to); err != nil || w.one().Mode != to {
			t.Errorf("%s: error %v, mode %s", to, err, w.one().Mode)
		}
		if got := w.calls(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: calls %q, want %q", to, got, want)
		}
	}
}

// Faults of AdminService: 500 without effect; 500 for good; 200 without
// effect; no answer, nothing done; no answer, all done; and a list that does
// not come after the call. A call is made again only where Apollo shows that
// the one before did nothing.
func TestSetSurvivesFaults(t *testing.T) {
	t.Parallel()
	const put, get = "PUT /apps/demo/", "GET /apps/demo/"
	tests := map[string]struct {
		fault apollotest.Fault
		calls int
		want  string // in the error; none if empty
	}{
		"a 500":                  {apollotest.Fault{Kind: apollotest.FaultError, Match: put, Times: 1}, 2, ""},
		"a 500 for good":         {apollotest.Fault{Kind: apollotest.FaultError, Match: put}, 3, "set key 1 of app demo to enforce: Apollo answered with status 500"},
		"a mode that is ignored": {apollotest.Fault{Kind: apollotest.FaultIgnored, Match: put}, 1, "the answer says that mode enforce is set, and the key is still in mode observe"},
		"ignored, the last time": {apollotest.Fault{Kind: apollotest.FaultIgnored, Match: put, Skip: 2}, 3, "the answer says that mode enforce is set, and the key is still in mode observe"},
		"no answer":              {apollotest.Fault{Kind: apollotest.FaultHang, Match: put, Times: 1}, 2, ""},
		"a cut connection":       {apollotest.Fault{Kind: apollotest.FaultCut, Match: put, Times: 2}, 3, ""},
		"a lost answer":          {apollotest.Fault{Kind: apollotest.FaultLost, Match: put}, 1, ""},
		"no list after the call": {apollotest.Fault{Kind: apollotest.FaultCut, Match: get, Skip: 1}, 1, "nobody knows whether it has taken: list the keys of app demo: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, apollotest.Options{})
			w.AddKey("demo", secretOne, apollotest.Observer, true)
			w.clock.at = w.clock.at.Add(time.Hour)
			key := w.one()
			w.Admin.Inject(test.fault)
			if test.fault.Skip == 2 {
				w.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultCut, Match: put, Times: 2})
			}
			set, err := w.store.Set(t.Context(), "demo", key, schemas.ModeEnforce)
			if (test.want == "") != (err == nil) || test.want != "" && !mentions(err, test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if got := w.calls(); len(got) != test.calls {
				t.Errorf("calls %q, want %d", got, test.calls)
			}
			if err == nil && (set.Mode != schemas.ModeEnforce || !w.Keys("demo")[0].LastTime.Equal(set.Changed)) {
				t.Errorf("set to %+v, Apollo has %+v", set, w.Keys("demo")[0])
			}
			if err != nil {
				clean(t, "the error", err.Error())
			}
		})
	}
}

// A key that somebody has touched meanwhile, or taken away, is left alone. The
// time is in whole seconds, so who did it counts, too.
func TestSetLeavesWhatHasChanged(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*apollotest.Key){
		"another mode":                 func(k *apollotest.Key) { k.Enabled = false },
		"another secret":               func(k *apollotest.Key) { k.Secret = secretTwo },
		"touched, in the same second":  func(k *apollotest.Key) { k.ModifiedBy = "dana" },
		"in the mode that it is to be": func(k *apollotest.Key) { k.Mode = apollotest.Filter },
	} {
		w := newWorld(t, apollotest.Options{})
		id := w.AddKey("demo", secretOne, apollotest.Observer, true)
		key := w.one()
		w.EditKey("demo", id, edit)
		if _, err := w.store.Set(t.Context(), "demo", key, schemas.ModeEnforce); !errors.Is(err, migrate.ErrChanged) || len(w.calls()) != 0 {
			t.Errorf("%s: error %v, calls %q, want %v and none", name, err, w.calls(), migrate.ErrChanged)
		}
	}
}

// A key is made disabled, as an observer to be, and made once, whatever becomes
// of the answer.
func TestCreate(t *testing.T) {
	t.Parallel()
	const post = "POST /apps/demo/accesskeys"
	for name, test := range map[string]struct {
		fault apollotest.Fault
		calls int
	}{
		"no fault":         {apollotest.Fault{Kind: apollotest.FaultError, Match: "POST /nothing"}, 1},
		"a 500":            {apollotest.Fault{Kind: apollotest.FaultError, Match: post, Times: 1}, 2},
		"no answer":        {apollotest.Fault{Kind: apollotest.FaultHang, Match: post, Times: 1}, 2},
		"a cut connection": {apollotest.Fault{Kind: apollotest.FaultCut, Match: post, Times: 1}, 2},
		"a lost answer":    {apollotest.Fault{Kind: apollotest.FaultLost, Match: post}, 1},
	} {
		w := newWorld(t, apollotest.Options{})
		w.Admin.Inject(test.fault)
		key, err := w.store.Create(t.Context(), "demo", schemas.NewSecret([]byte(secretOne)))
		if err != nil || key.Mode != schemas.ModeDisabled || len(w.calls()) != test.calls {
			t.Errorf("%s: key %+v, error %v, calls %q, want %d", name, key, err, w.calls(), test.calls)
		}
		if got := w.Keys("demo"); len(got) != 1 || got[0].Secret != secretOne || got[0].Enabled || got[0].Mode != apollotest.Observer || got[0].CreatedBy != "lockstep" {
			t.Errorf("%s: Apollo has %+v", name, got)
		}
		again, err := w.store.Create(t.Context(), "demo", schemas.NewSecret([]byte(secretOne)))
		if err != nil || !again.Same(key) || len(w.calls()) != test.calls {
			t.Errorf("%s: again: key %+v, error %v", name, again, err)
		}
	}
}

// Apollo §2: five keys an app. And 2.5.2 quotes the secret of a key that is
// there twice, so its words are never repeated.
func TestCreateRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{})
	for i := range 5 {
		w.AddKey("demo", fmt.Sprintf("CANARY-%d", i), apollotest.Observer, true)
	}
	_, err := w.store.Create(t.Context(), "demo", schemas.NewSecret([]byte(secretOne)))
	if !mentions(err, "create a key of app demo: Apollo answered with status 400") || len(w.calls()) != 1 {
		t.Errorf("error %v, calls %q", err, w.calls())
	}
	clean(t, "the error", err.Error())
}

// Apollo §5 and §6 (iii), issue 5483: below 2.5, or where Apollo does not tell,
// a change comes no sooner than 2 s after the one before, as a node misses the
// second of two in a second.
func TestChangesAreApart(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		version string // of Apollo
		given   string // in the policy
		fault   string // requests that fail
		apart   bool
	}{
		"2.4.0":          {version: "2.4.0", apart: true},
		"2.5.0":          {version: "2.5.0"},
		"2.5.2":          {version: "2.5.2"},
		"given":          {version: "2.5.2", given: "2.4.1", apart: true},
		"nobody tells":   {version: "2.5.2", fault: "GET /apollo/version", apart: true},
		"given unasked":  {version: "2.5.2", given: "2.5.2", fault: "GET /apollo/version"},
		"a snapshot, 3":  {version: "3.0.0", given: "3.0.0-SNAPSHOT"},
		"not understood": {version: "2.5.2", given: "latest", apart: true},
	} {
		w := newWorld(t, apollotest.Options{Version: test.version}, func(o *apollo.Options) { o.Version = test.given })
		if test.fault != "" {
			w.Admin.Inject(apollotest.Fault{Kind: apollotest.FaultError, Match: test.fault})
		}
		key, err := w.store.Create(t.Context(), "demo", schemas.NewSecret([]byte(secretOne)))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		made := w.clock.now()
		if _, err := w.store.Set(t.Context(), "demo", key, schemas.ModeObserve); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if gap := w.Keys("demo")[0].LastTime.Sub(made); (gap >= 1900*time.Millisecond-time.Second) != test.apart {
			t.Errorf("%s: enabled %s after it was made, want 2s: %t", name, gap, test.apart)
		}
		if w.store.Probe(t.Context(), "demo", probes(probeKey(secretOne, schemas.ModeObserve))) != nil {
			t.Errorf("%s: the node does not follow", name)
		}
	}
}

// Apollo §5: AdminService wants the bare token where access control is on.
func TestToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{AdminToken: "another"})
	_, err := w.store.Keys(t.Context(), "demo")
	if !mentions(err, "list the keys of app demo: Apollo refuses the token (status 401)", "set `token` of the environment's apollo") {
		t.Errorf("error %v", err)
	}
	clean(t, "the error", err.Error())
	if got := len(w.Admin.Requests()); got != 1 {
		t.Errorf("%d requests, want one: the answer will not change", got)
	}
}

// A config service has no keys to give, and a store needs to know whom to ask.
func TestNoKeyStore(t *testing.T) {
	t.Parallel()
	w := newWorld(t, apollotest.Options{})
	store := w.open(func(o *apollo.Options) { o.Admin = w.Nodes[0].URL })
	if _, err := store.Keys(t.Context(), "demo"); !mentions(err, "Apollo answered with status 404", "check the URL in the policy") {
		t.Errorf("error %v", err)
	}
	if _, err := apollo.New(apollo.Options{Admin: "http://a", Portal: "http://b"}); !mentions(err, "one of AdminService and Portal") {
		t.Errorf("error %v", err)
	}
}

// The Portal's OpenAPI of 3.0: other words for the same, and it makes secrets
// itself, so ours cannot be put there.
func TestPortal(t *testing.T) {
	t.Parallel()
	portal := func(w *world) *apollo.KeyStore {
		return w.open(func(o *apollo.Options) {
			o.Admin, o.Portal, o.Env, o.Operator = "", w.Portal.URL+"/", "PRO", "apollo"
			o.Token = schemas.NewSecret([]byte("CANARY-portal"))
		})
	}
	w := newWorld(t, apollotest.Options{Version: "3.0.0", PortalToken: "CANARY-portal"})
	w.AddKey("demo", secretOne, apollotest.Observer, true)
	w.store = portal(w)
	for _, mode := range []schemas.Mode{schemas.ModeEnforce, schemas.ModeObserve, schemas.ModeDisabled} {
		if err := w.set(mode); err != nil || w.one().Mode != mode {
			t.Errorf("error %v, mode %s, want %s", err, w.one().Mode, mode)
		}
	}
	var puts []string
	for _, r := range w.Portal.Requests() {
		if strings.HasPrefix(r, "PUT ") {
			puts = append(puts, r)
		}
	}
	const key = "PUT /openapi/v1/apps/demo/envs/PRO/accesskeys/1/"
	if want := []string{key + "activation?mode=0&operator=apollo", key + "activation?mode=1&operator=apollo", key + "deactivation?operator=apollo"}; !slices.Equal(puts, want) {
		t.Errorf("calls %q, want %q", puts, want)
	}
	if _, err := w.store.Create(t.Context(), "demo", schemas.NewSecret([]byte(secretTwo))); !mentions(err, "a Portal makes the secrets of new keys itself") {
		t.Errorf("create: error %v", err)
	}
	if _, err := w.store.Set(t.Context(), "demo", schemas.StoredKey{ID: "1", Mode: schemas.ModeEnforce}, schemas.ModeObserve); !mentions(err, "it is in mode disabled by \"apollo\"") {
		t.Errorf("without times: error %v", err)
	}
	wrong := w.open(func(o *apollo.Options) { o.Admin, o.Portal, o.Env = "", w.Portal.URL, "PRO" })
	if _, err := wrong.Keys(t.Context(), "demo"); !mentions(err, "list the keys of app demo: Apollo refuses the token (status 302)") {
		t.Errorf("no token: error %v", err)
	}
	old := newWorld(t, apollotest.Options{Version: "2.5.2", PortalToken: "CANARY-portal"})
	if _, err := portal(old).Keys(t.Context(), "demo"); !mentions(err, "a Portal has the OpenAPI for access keys from 3.0 on") {
		t.Errorf("2.5.2: error %v", err)
	}
}
