package lint

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

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
	claims, ok := readToken(p.agent.Connect.Token.Reveal())
	if !ok {
		return
	}
	const renew = "have a new token issued"
	switch exp, nbf := claims.ExpiresAt.time(), claims.NotBefore.time(); {
	case claims.algorithm == "none":
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

// tokenClaims are the parts of a JWT that Piko v0.9 looks at beside its
// signature, issuer and audience.
type tokenClaims struct {
	algorithm string
	ExpiresAt numericDate `json:"exp"`
	NotBefore numericDate `json:"nbf"`
	Piko      struct {
		Endpoints []string `json:"endpoints"`
	} `json:"piko"`
}

// readToken takes a JWT apart; ok is false for everything else. Nothing is
// verified, as the key is not here.
func readToken(token []byte) (claims tokenClaims, ok bool) {
	parts := bytes.Split(bytes.TrimSpace(token), []byte("."))
	if len(parts) != 3 {
		return tokenClaims{}, false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(string(parts[i]))
		if err != nil || json.Unmarshal(text, into) != nil {
			return tokenClaims{}, false
		}
	}
	claims.algorithm = header.Algorithm
	return claims, true
}

// numericDate is a time in a JWT: seconds since 1970, or 0 for none.
type numericDate float64

func (d numericDate) time() time.Time {
	if d <= 0 || d > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(d), 0).UTC()
}
