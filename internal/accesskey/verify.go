package accesskey

import (
	"math"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// A Request is what a signature is checked against. Target is the request
// target as received, path[?query], never parsed and rebuilt. The headers are
// their values as net/http holds them: none for an absent header. Of several
// values the first counts, as in Apollo; a caller that wants to refuse
// repeated headers looks at the length.
type Request struct {
	Target        string
	Timestamp     []string
	Authorization []string
}

// A Result is the outcome of a check. Its zero value is not a success.
type Result struct {
	Key    *Key           // the first key that matched; nil for a failure
	Reason schemas.Reason // why it failed; empty for a success
	Timed  bool           // the request carries a timestamp that can be read
	SkewMS int64          // if Timed: now minus timestamp in milliseconds, saturated

	Signature string // that matched; empty for a failure
}

// OK reports whether a key matched in time.
func (r Result) OK() bool { return r.Key != nil }

// Verify checks a request as Apollo's ClientAuthenticationFilter does: first
// the timestamp, which has to be less than tolerance away from now, then the
// signature, for which any of keys will do. All keys are always tried.
//
// It differs from Apollo in two moments of time, towards refusal. Apollo
// counts a timestamp that is absent or no number as 0, which passes during
// the first minute of 1970; and its subtraction wraps round, which lets one
// millisecond about 292 million years ago pass as now.
func Verify(keys []*Key, req Request, now time.Time, tolerance time.Duration) Result {
	result := checkTime(req.Timestamp, now, tolerance)
	if result.Reason != schemas.ReasonNone {
		return result
	}
	if len(req.Authorization) == 0 {
		result.Reason = schemas.ReasonMissing
		return result
	}
	signature := signaturePart(req.Authorization[0])
	if signature == "" {
		result.Reason = schemas.ReasonMalformed
		return result
	}
	result.Key = match(keys, signature, req.Timestamp[0], signedTarget(req.Target))
	if result.Key == nil {
		result.Reason = schemas.ReasonSignature
		return result
	}
	result.Signature = signature
	return result
}

// checkTime fills in all of a Result but its key. Java's Long.parseLong and
// strconv.ParseInt agree on ASCII: a sign, leading zeros and the whole range
// of 64 bits. Other digits that Java knows never reach Apollo, as Tomcat
// reads headers as ISO-8859-1, which has none.
func checkTime(values []string, now time.Time, tolerance time.Duration) Result {
	if len(values) == 0 {
		return Result{Reason: schemas.ReasonMissing}
	}
	sent, err := strconv.ParseInt(values[0], 10, 64)
	if err != nil {
		return Result{Reason: schemas.ReasonMalformed}
	}
	result := Result{Timed: true, SkewMS: subtract(now.UnixMilli(), sent)}
	if limit := tolerance.Milliseconds(); result.SkewMS <= -limit || result.SkewMS >= limit {
		result.Reason = schemas.ReasonSkew
	}
	return result
}

// subtract is a-b without wrapping round.
func subtract(a, b int64) int64 {
	switch diff := a - b; {
	case b > 0 && diff > a:
		return math.MinInt64
	case b < 0 && diff < a:
		return math.MaxInt64
	default:
		return diff
	}
}

// signaturePart is what Java's authorization.split(":")[1] gives, or empty
// where that has no such element. Scheme and app before the first colon do
// not count, nor does anything after the second.
func signaturePart(authorization string) string {
	_, rest, _ := strings.Cut(authorization, ":")
	signature, _, _ := strings.Cut(rest, ":")
	return signature
}

// match returns the first key that gives signature, after trying all of them.
func match(keys []*Key, signature, timestamp, target string) *Key {
	var found *Key
	for _, key := range keys {
		if key.matches(signature, timestamp, target) && found == nil {
			found = key
		}
	}
	return found
}
