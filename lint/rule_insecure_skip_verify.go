package lint

import (
	"fmt"
	"time"

	"lockstep/schemas"
)

// insecureSkipVerify is T201.
func insecureSkipVerify() Rule {
	return Rule{
		ID:    "T201",
		Slug:  "insecure-skip-verify",
		Title: "a listener takes any certificate for any name",
		Doc: "With insecure_skip_verify the agent does not know whom it talks to: whoever can answer in place of the upstream " +
			"reads and changes every request, credentials included. " +
			"Each YAML spelling of true counts, for the agent `on`, `y` and a quoted `\"yes\"` among them. " +
			"While the rollout file of `--rollout` observes or enforces the subject `tls/<endpoint_id>`, the finding is a warning at most. " +
			"Once that is enforced `lockstep run` verifies the upstream whatever the config says, so the fix is safe: only the real agent still skips it.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Locked: true,
		Admit:  true,
		Check: func(p *Pass) {
			for at, l := range p.listeners() {
				if l.TLS.InsecureSkipVerify {
					p.skipsVerify(at, l)
				}
			}
		},
	}
}

// skipsVerify reports a listener, by how far its rollout has got.
func (p *Pass) skipsVerify(at string, l *listener) {
	const off = "the certificate of the upstream is not verified"
	place, stage, mode := at+"/tls/insecure_skip_verify", p.stage(l), p.stage(l).ModeAt(p.now)
	since := p.shown(at+"/endpoint_id", l.EndpointID) + " since " + stage.Since.UTC().Format(time.DateOnly)
	lasting := mode == schemas.ModeEnforce && stage.Until.IsZero()
	switch mode {
	case schemas.ModeObserve:
		if seen := p.handshakes[schemas.Subject{Endpoint: l.EndpointID}.String()].String(); seen != "" {
			since += ", " + seen
		}
		p.atValue(place, fmt.Sprintf("%s; observing tls/%s", off, since),
			"`lockstep migrate status` says when it can be enforced, which comes before this edit")
	case schemas.ModeEnforce:
		p.atValue(place, fmt.Sprintf("%s by the Piko agent; `lockstep run` is enforcing tls/%s", off, since),
			"remove it, so that both verify")
	case schemas.ModeDisabled, "":
		p.atValue(place, off, "remove it, and name a private CA in root_cas")
	}
	if mode == schemas.ModeObserve || mode == schemas.ModeEnforce {
		p.atMost(schemas.LevelWarning)
	}
	p.mend(lasting, p.rewrite(place, "false"))
}

// stage is what the rollout says of the upstream of a listener; its mode is
// empty if that is nothing, or if the agent speaks no TLS with it.
func (p *Pass) stage(l *listener) schemas.RolloutSubject {
	if p.stages == nil || l.EndpointID == "" || schemeOf(l) != "https" {
		return schemas.RolloutSubject{}
	}
	return p.stages.Subjects[schemas.Subject{Endpoint: l.EndpointID}.String()]
}
