package lint

import (
	"fmt"
	"maps"
	"slices"

	"lockstep/schemas"
)

// authenticationOff is K808.
func authenticationOff() Rule {
	return Rule{
		ID:    "K808",
		Slug:  "authentication-off",
		Title: "callers of a listener have to sign, and no key is there to check it with",
		Doc: "The policy says `auth: apollo` for a listener, but all keys of its app are gone or disabled: as in Apollo, every request then passes, " +
			"and nothing says so. A key is revoked beside another one that stays; authentication is switched off in the policy. " +
			"Where no journal tells that a disabled key was ever observed or enforced, the rollout may just begin, and the finding is an info. " +
			"Without a policy that names listeners nothing is said.",
		Levels: alwaysError(),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			if p.rollout == nil || p.policy == nil {
				return
			}
			for _, app := range p.rollout.apps() {
				checkAllDisabled(p, app)
			}
			checkAppsGone(p)
		},
	}
}

// checkAllDisabled reports at the first key of an app.
func checkAllDisabled(p *Pass, app []rolloutKey) {
	first := app[0]
	listener := p.listenerOf(first)
	if listener == "" || slices.ContainsFunc(app, func(k rolloutKey) bool { return k.mode != schemas.ModeDisabled }) {
		return
	}
	p.atValue(first.at+"/mode", fmt.Sprintf("no key of the app %s is enabled, so that nobody has to sign for the listener %s", first.App, listener),
		"set one to observe, which refuses nobody")
	if last := p.rollout.last; last == nil || !last.used[first.Fold().App] {
		p.atMost(schemas.LevelInfo)
	}
}

// checkAppsGone reports the apps that the policy names and the file does not.
func checkAppsGone(p *Pass) {
	if !p.checked.Has("/subjects") {
		return // which is a finding of its own
	}
	for _, name := range slices.Sorted(maps.Keys(p.policy.Listeners)) {
		l := p.policy.Listeners[name]
		app := schemas.Subject{App: l.App}.Fold().App
		if l.Auth != schemas.AuthApollo || app == "" || slices.ContainsFunc(p.rollout.keys, func(k rolloutKey) bool { return k.Fold().App == app }) {
			continue
		}
		p.atKey("/subjects", fmt.Sprintf("there is no key of the app %s, so that nobody has to sign for the listener %s", l.App, name),
			"list its keys, also those that are disabled, or set the listener's auth to none")
	}
}

// listenerOf is a listener of the policy whose callers sign with a key, empty
// if there is none.
func (p *Pass) listenerOf(k rolloutKey) string {
	for _, name := range slices.Sorted(maps.Keys(p.policy.Listeners)) {
		l := p.policy.Listeners[name]
		if l.Auth == schemas.AuthApollo && (l.AppFrom != "" || schemas.Subject{App: l.App}.Fold().App == k.Fold().App) {
			return name
		}
	}
	return ""
}
