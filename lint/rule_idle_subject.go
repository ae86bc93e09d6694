package lint

import (
	"fmt"
	"maps"
	"slices"

	"lockstep/schemas"
)

// idleSubject is K818.
func idleSubject() Rule {
	return Rule{
		ID:    "K818",
		Slug:  "idle-subject",
		Title: "no listener is for a key or upstream of the rollout, so that its mode changes nothing",
		Doc: "A subject that is misspelt, or whose listener is gone, is observed by nobody: no evidence will ever come, and what it was to protect stays as it is. " +
			"A `tls/` subject needs a listener of that endpoint with an addr of https, a key one whose callers the policy has sign with its app. " +
			"This is known only where the rollout is given by `--rollout` and all configs of the run can be read; " +
			"it is an info, as the listener may be in a config that is not part of the run. " +
			"Disabled subjects, and keys of an environment whose Apollo the policy names, are left alone.",
		Levels: sameLevel(schemas.LevelInfo),
		Admit:  true,
		Check: func(p *Pass) {
			if p.rollout == nil || p.served == nil {
				return
			}
			for _, k := range p.rolloutSubjects() {
				switch {
				case k.modeAt(p.now) == schemas.ModeDisabled:
				case k.Endpoint != "":
					checkIdleUpstream(p, k)
				default:
					checkIdleKey(p, k)
				}
			}
		},
	}
}

func checkIdleUpstream(p *Pass, k rolloutKey) {
	encrypted, known := p.served[k.Endpoint]
	switch near, ok := schemas.Nearest(k.Endpoint, slices.Sorted(maps.Keys(p.served))); {
	case encrypted:
	case known:
		p.atKey(k.at, fmt.Sprintf("no addr of the listener %s is https, so that nothing is verified", k.Endpoint), "write its addr as https://host:port, or take the subject out")
	case ok:
		p.atKey(k.at, fmt.Sprintf("there is no listener %s, so that nothing is verified", k.Endpoint), fmt.Sprintf("did you mean `tls/%s`?", near))
	default:
		p.atKey(k.at, fmt.Sprintf("there is no listener %s, so that nothing is verified", k.Endpoint), "take the subject out, or lint the config of that listener in the same run")
	}
}

// checkIdleKey says nothing of an Apollo that checks keys itself.
func checkIdleKey(p *Pass, k rolloutKey) {
	if p.policy == nil || p.policy.Environments[p.rollout.environment].Apollo != nil {
		return
	}
	app := k.Fold().App
	for endpoint := range p.served {
		l := p.policy.Listeners[endpoint]
		if l.Auth == schemas.AuthApollo && (l.AppFrom != "" || schemas.Subject{App: l.App}.Fold().App == app) {
			return
		}
	}
	p.atKey(k.at, fmt.Sprintf("no listener has its callers sign for the app %s, so that the key is never asked for", k.App),
		"write `auth: apollo` with this app for its listener in the policy, or take the key out")
}
