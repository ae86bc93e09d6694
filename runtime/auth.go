package runtime

import (
	"net/netip"
	"slices"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// auth says how the callers of a listener are authenticated.
type auth struct {
	app       string // folded; empty: taken from each request as Apollo does
	apps      map[string]*appKeys
	share     int // per cent of the clients for whom a key that requests can reach is enforced
	methods   map[string]bool
	allow     string // methods as the header Allow lists them
	tolerance time.Duration
	headers   bool           // those that no client of Apollo's own sends are refused
	replay    schemas.Replay // never empty
	identity  []schemas.IdentitySource
	proxies   []netip.Prefix // whose X-Forwarded-For is believed

	until time.Time // when next takes over, see [auth.at]
	next  *auth     // nil: never
}

// strict reports whether a key that requests can reach is enforced.
func (a *auth) strict() bool { return a.share > 0 }

// appKeys are the keys of one app that are not disabled.
type appKeys struct {
	app     string // folded
	subject string // key/<app>: all keys together
	enforce keySet
	observe keySet
	all     []*accesskey.Key // enforced ones first
}

// keySet holds the keys of one mode.
type keySet struct {
	keys       []*accesskey.Key
	prints     map[string]bool // their fingerprints
	share      int             // of the clients, the largest of any key
	incomplete bool            // a key stands in for one that could not be loaded
}

func (s *keySet) add(k *loadedKey) {
	s.keys = append(s.keys, k.key)
	if s.prints == nil {
		s.prints = map[string]bool{}
	}
	s.prints[k.fingerprint] = true
	s.share = max(s.share, shareOf(k.state))
	s.incomplete = s.incomplete || k.fingerprint == ""
}

// groupByApp collects keys that are not disabled then by folded app id. Where a
// rollout spells an app in several ways, the first one names it.
func groupByApp(keys []*loadedKey, at time.Time) map[string]*appKeys {
	apps := map[string]*appKeys{}
	for _, k := range keys {
		mode := k.state.ModeAt(at)
		if mode == schemas.ModeDisabled || k.key == nil {
			continue
		}
		id := accesskey.FoldApp(k.subject.App)
		app := apps[id]
		if app == nil {
			app = &appKeys{app: id, subject: schemas.Subject{App: k.subject.App}.String()}
			apps[id] = app
		}
		if mode == schemas.ModeEnforce {
			app.enforce.add(k)
		} else {
			app.observe.add(k)
		}
	}
	for _, app := range apps {
		app.all = slices.Concat(app.enforce.keys, app.observe.keys)
	}
	return apps
}

// reachable returns the apps whose keys a request to the listener may ask for.
func (a *auth) reachable() map[string]*appKeys {
	if a.app == "" {
		return a.apps
	}
	return map[string]*appKeys{a.app: a.apps[a.app]}
}

// keysFor returns the keys that a request has to match, nil if there are
// none. An error says that Apollo could not tell the app either, and answers
// 400 on its own.
func (a *auth) keysFor(target string) (*appKeys, error) {
	if a.app != "" {
		return a.apps[a.app], nil
	}
	app, guarded, err := accesskey.AppFromTarget(target)
	if err != nil || !guarded {
		return nil, err
	}
	return a.apps[accesskey.FoldApp(app)], nil
}
