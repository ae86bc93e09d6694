package migrate

import "lockstep/schemas"

// A cause is a reason of failures in words, and what to do about it.
type cause struct{ what, fix string }

// causeOf says where a failure comes from and how it is mended.
func causeOf(reason schemas.Reason) cause {
	for _, known := range []map[schemas.Reason]cause{causes(), tlsCauses()} {
		if c, ok := known[reason]; ok {
			return c
		}
	}
	return cause{"other", "look at the log of the node that refused it"}
}

// causes are of requests that have to be signed. What clients of Apollo do
// wrong is known from their sources: apollo-java signs only with a secret that
// is not blank, agollo signs always, even without one.
func causes() map[schemas.Reason]cause {
	return map[schemas.Reason]cause{
		schemas.ReasonMissing: {"no signature", "give the client the app's access key; apollo-java does not sign without one"},
		schemas.ReasonSkew:    {"clock too far off", "set the client's clock by NTP; the timestamp is in milliseconds"},
		schemas.ReasonSignature: {"wrong signature", "check the client's secret for another key, quotes or a line break (agollo signs with an empty one too), and " +
			"whether a proxy rewrites the path or the query; compare with `lockstep sign`"},
		schemas.ReasonUnknownKey:    {"key not loaded", "look for the alarm of the node that could not read the key; the client is not to blame"},
		schemas.ReasonMalformed:     {"unreadable header", "send `Authorization: Apollo APP:SIGNATURE` and a timestamp in milliseconds; a proxy may have replaced the header"},
		schemas.ReasonRefusedTarget: {"method or path not served", "call only what the listener serves; its methods are in the policy"},
		schemas.ReasonShadowed: {"key that only observes beside an enforced one", "the client has its new key already: enforce that key too, which only lets more pass, " +
			"or let the client sign with the enforced one until then"},
		schemas.ReasonReplay: {"signature used before", "a client must sign each request anew; several that ask for the same in the same millisecond sign alike, " +
			"unless `ip=` in the query tells them apart"},
	}
}
