package pikolink

import (
	"time"

	"lockstep/internal/jwt"
)

// A Lifetime is what a token says of its end, which nobody here can verify:
// both times are zero for one that does not end, or is no JWT.
type Lifetime struct {
	Ends time.Time // a Piko server closes the sessions that were begun with it then
	Due  time.Time // when another one should have taken its place
}

// A token is due when a fifth of its life is left, or a week. Of one that does
// not say when it was issued, nobody knows what a fifth is.
const (
	dueShare   = 5
	dueMost    = 7 * 24 * time.Hour
	dueUnknown = 24 * time.Hour
)

func lifetimeOf(token []byte) Lifetime {
	claims, _ := jwt.Parse(token)
	ends, issued := claims.ExpiresAt.Time(), claims.IssuedAt.Time()
	switch {
	case ends.IsZero():
		return Lifetime{}
	case issued.IsZero() || issued.After(ends):
		return Lifetime{ends, ends.Add(-dueUnknown)}
	}
	return Lifetime{ends, ends.Add(-min(ends.Sub(issued)/dueShare, dueMost))}
}
