package runtime

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

// request is all that decides over a request.
type request struct {
	method        string
	target        string   // as it came over the wire
	timestamp     []string // header values
	authorization []string
}

// decision is what becomes of a request. Its zero value lets the request
// pass, unchecked and uncounted.
type decision struct {
	status  int    // of the refusal; 0: pass on
	app     string // key/<app>: all keys of the app together; empty if it is not counted
	subject string // what it counts under, the app or one of its keys; empty if it is not counted
	mode    schemas.Mode
	outcome schemas.Outcome // empty if nothing was checked
	reason  schemas.Reason
	share   int   // per cent of the clients that a refusal is for, see [decision.spare]
	timed   bool  // the client sent a time
	skewMS  int64 // our clock minus the client's, if timed

	signature string // that was right; empty if none was
}

// decide judges a request to a listener; a is nil if its callers do not sign.
//
// What has keys is judged as by Apollo's ClientAuthenticationFilter. One rule
// is stricter: where any key that a request could reach is enforced, a method
// that is not allowed and a target that two servers may read differently are
// refused before anybody asks whose keys count, as a signature covers no
// method and Apollo takes the app from the target.
func decide(a *auth, req request, now time.Time) decision {
	if a == nil {
		if !forwardable(req.target) {
			return decision{status: http.StatusBadRequest}
		}
		return decision{}
	}
	a = a.at(now)
	keys, err := a.keysFor(req.target)
	status := a.checkTarget(req)
	if err != nil && a.strict() && status == 0 {
		status = http.StatusBadRequest // Apollo's answer to a bad app id
	}
	switch {
	case status != 0:
		return a.refuseTarget(req, keys, status)
	case keys == nil:
		return decision{}
	default:
		return keys.judge(a, req, now)
	}
}

// forwardable reports whether a target can be sent on as it is. One that
// begins with two slashes would become the host of an absolute one.
func forwardable(target string) bool {
	return strings.HasPrefix(target, "/") && !strings.HasPrefix(target, "//")
}

// checkTarget is the status with which a strict listener refuses method or
// target, 0 if it does not.
func (a *auth) checkTarget(req request) int {
	switch {
	case accesskey.CheckTarget(req.target) != nil:
		return http.StatusBadRequest
	case !a.methods[req.method]:
		return http.StatusMethodNotAllowed
	default:
		return 0
	}
}

// refuseTarget refuses a request for its method or target, or records that it
// would be refused once a key is enforced. It counts if it can be told whose
// request it is.
func (a *auth) refuseTarget(req request, keys *appKeys, status int) decision {
	if !a.strict() && forwardable(req.target) {
		if keys == nil && (a.app != "" || len(a.apps) == 0) { // nobody's keys are asked for
			return decision{}
		}
		status = 0
	}
	d := decision{
		status: status, mode: schemas.ModeObserve, share: 100,
		outcome: schemas.OutcomeFail, reason: schemas.ReasonRefusedTarget,
	}
	if a.strict() {
		d.mode, d.share = schemas.ModeEnforce, a.share
	}
	if keys != nil {
		d.app, d.subject = keys.subject, keys.subject
	}
	return d
}

// judge checks the signature of a request for an app that has keys. As in
// Apollo, keys that only observe let nothing pass beside one that is enforced.
// But it is told whose signature it was: all keys are tried in any case.
func (k *appKeys) judge(a *auth, req request, now time.Time) decision {
	d := decision{mode: schemas.ModeObserve, outcome: schemas.OutcomeFail, app: k.subject, subject: k.subject}
	asked := k.observe
	if len(k.enforce.keys) > 0 {
		d.mode, d.share, asked = schemas.ModeEnforce, k.enforce.share, k.enforce
	}
	signed := accesskey.Request{Target: req.target, Timestamp: req.timestamp, Authorization: req.authorization}
	result := accesskey.Verify(k.all, signed, now, a.tolerance)
	d.timed, d.skewMS = result.Timed, result.SkewMS
	switch {
	case len(req.timestamp) > 1 || len(req.authorization) > 1:
		d.reason = schemas.ReasonMalformed // which of them the upstream takes is anybody's guess
	case result.OK() && !slices.Contains(asked.keys, result.Key):
		d.subject, d.reason = result.Key.ID(), schemas.ReasonShadowed
	case result.OK() && a.headers && !accesskey.CheckStrict(signed, k.app):
		d.reason = schemas.ReasonMalformed
	case result.OK():
		d.outcome, d.subject, d.signature = schemas.OutcomeOK, result.Key.ID(), result.Signature
		return d
	case result.Reason == schemas.ReasonSignature && asked.incomplete:
		d.reason = schemas.ReasonUnknownKey
	default:
		d.reason = result.Reason
	}
	if d.mode == schemas.ModeEnforce {
		d.status = http.StatusUnauthorized
	}
	return d
}
