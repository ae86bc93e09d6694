package runtime

import (
	"time"

	"lockstep/runtime/pikolink"
)

// watchToken has the log tell once when a new token for Piko is due, and once
// when the one in use has ended. It looks every so often until the tunnel is
// closed.
func (t *tunnel) watchToken(every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for last := ""; ; {
		if text := tokenAlarm(firstToEnd(t.statuses()), t.now()); text != last {
			if last = text; text != "" {
				t.logger.Warn("alarm", "cause", text)
			}
		}
		select {
		case <-ticker.C:
		case <-t.closed.Done():
			return
		}
	}
}

// firstToEnd is the token in use that ends first. There is more than one while
// the server refuses a new one, and the sessions of the old one go on.
func firstToEnd(links map[string]pikolink.Status) (first pikolink.Lifetime) {
	for _, link := range links {
		if ends := link.Token.Ends; !ends.IsZero() && (first.Ends.IsZero() || ends.Before(first.Ends)) {
			first = link.Token
		}
	}
	return first
}

// tokenAlarm is what is wrong with a token; empty if nothing is yet.
func tokenAlarm(token pikolink.Lifetime, now time.Time) string {
	const remedy = "; a new connect.token is taken up without a restart"
	switch ends := token.Ends.Format(time.RFC3339); {
	case token.Ends.IsZero() || now.Before(token.Due):
		return ""
	case now.Before(token.Ends):
		return "the token that is in use at piko expires at " + ends + remedy
	default:
		return "the token that is in use at piko has expired at " + ends + remedy
	}
}
