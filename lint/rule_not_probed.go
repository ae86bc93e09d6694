package lint

import "lockstep/schemas"

// notProbed is N706.
func notProbed() Rule {
	return Rule{
		ID:    "N706",
		Slug:  "not-probed",
		Title: "whether the upstream would pass verification is not known",
		Doc: "With `--probe`, an upstream is dialled only if its host is named by `--probe-allow`, and link-local and metadata addresses never are. " +
			"With `--probe-from`, a saved result counts for 30 days and as long as host, root_cas and client certificate are the same. " +
			"An upstream that was dialled and did not answer also makes the exit status 4.",
		Levels: sameLevel(schemas.LevelInfo),
		Admit:  true,
		Check: func(p *Pass) {
			for _, u := range p.probed {
				if why, remedy := u.silent(); why != "" {
					p.atValue(u.at+"/addr", why, remedy)
				}
			}
		},
	}
}

// silent says why there is no answer, and what would get one; both are empty
// where there is an answer.
func (u *probed) silent() (why, remedy string) {
	const not = "this upstream was not probed: "
	switch {
	case u.unknown != "":
		return not + u.unknown, "probe where its host and files are known: --probe --probe-allow HOST, with --probe-save for later"
	case u.Reason == schemas.ReasonProbeNotAllowed:
		return not + "its host is not one of those to be dialled", "name the host with --probe-allow, if you may dial it from here"
	case u.Reason == schemas.ReasonProbeLinkLocal:
		return not + "it is a link-local or metadata address, which never is", "forward to the service itself"
	case u.unanswered():
		return "the upstream " + silence(u.Reason), "probe from a machine that reaches it, such as the one of the agent"
	}
	return "", ""
}
