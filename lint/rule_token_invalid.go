package lint

import (
	"slices"
	"time"

	"lockstep/internal/jwt"
	"lockstep/schemas"
)

// tokenInvalid is S303.
func tokenInvalid() Rule {
	return Rule{
		ID:    "S303",
		Slug:  "token-invalid",
		Title: "the Piko server will refuse the token",
		Doc: "A token that is a JWT says itself when it is valid and for which endpoints. The Piko server refuses one that has expired, " +
			"that is not valid yet or not signed (`alg: none`), and an endpoint that its claim `piko.endpoints` does not list; the agent then ends.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check:  checkTokenInvalid,
	}
}

func checkTokenInvalid(p *Pass) {
	if p.agent == nil {
		return
	}
	claims, ok := jwt.Parse(p.agent.Connect.Token.Reveal())
	if !ok {
		return
	}
	const renew = "have a new token issued"
	switch exp, nbf := claims.ExpiresAt.Time(), claims.NotBefore.Time(); {
	case claims.Algorithm == "none":
		p.atValue("/connect/token", "the token is not signed", "have one issued that is signed with the key of the Piko server")
	case !p.now.IsZero() && !exp.IsZero() && !exp.After(p.now):
		p.atValue("/connect/token", "the token has expired on "+exp.Format(time.DateOnly), renew)
	case !p.now.IsZero() && nbf.After(p.now):
		p.atValue("/connect/token", "the token is not valid before "+nbf.Format(time.DateOnly), renew)
	}
	for at, l := range p.listeners() {
		if permitted := claims.Piko.Endpoints; len(permitted) > 0 && !slices.Contains(permitted, l.EndpointID) {
			p.atValue(at+"/endpoint_id", "the token does not permit this endpoint", "add it to the claim piko.endpoints of the token")
		}
	}
}
