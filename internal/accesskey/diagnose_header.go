package accesskey

import (
	"crypto/sha1" // Apollo's scheme
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"

	"lockstep/schemas"
)

// A claim is what the headers of a request say, as far as it can be told
// without a key.
type claim struct {
	app    string // named in the header; empty if none is
	digest [sha1.Size]byte
	signed bool  // digest is set
	form   Cause // how the signature is written, if not as it has to be; or why there is none
	clock  Cause // what is wrong with the timestamp
}

// readClaim reads the headers of a request that failed for reason.
func readClaim(req *Request, reason schemas.Reason) claim {
	c := claim{clock: clockCause(req.Timestamp, reason)}
	switch {
	case len(req.Authorization) > 0:
		c.readAuthorization(req.Authorization[0])
	case len(req.Timestamp) == 0:
		c.form, c.clock = CauseUnsigned, CauseNone
	default:
		c.form = CauseNoAuthorization
	}
	return c
}

// clockCause looks at the digits of a timestamp: seconds have ten of them
// until 2286, milliseconds thirteen, microseconds and nanoseconds more.
func clockCause(values []string, reason schemas.Reason) Cause {
	if len(values) == 0 {
		return CauseNoTimestamp
	}
	switch digits := len(values[0]); {
	case reason == schemas.ReasonMalformed && strings.Trim(values[0], "0123456789") != "":
		return CauseTimestampForm
	case reason == schemas.ReasonSkew && (digits == 10 || digits == 16 || digits == 19):
		return CauseTimeUnit
	case reason == schemas.ReasonSkew:
		return CauseSkew
	}
	return CauseNone
}

// readAuthorization finds the signature as Apollo does, behind the first
// colon, or in all of the header where there is none: @gaoding/apollo-client
// sends hexadecimal digits alone.
func (c *claim) readAuthorization(header string) {
	before, _, colon := strings.Cut(header, ":")
	text := signaturePart(header)
	if !colon {
		text = strings.TrimSpace(header)
	}
	if foreignScheme(header) {
		c.form = CauseForeignScheme
		return
	}
	if _, app, ok := strings.Cut(before, " "); ok && colon && validApp(app) {
		c.app = app
	}
	switch c.form = c.decode(text); {
	case text == "" && colon:
		c.form = CauseEmptySignature
	case c.form == CauseNone && !c.signed:
		c.form = CauseNoSignature
	}
}

// foreignScheme reports whether a header begins with a scheme word of another
// protocol. Words that nobody registered may be a client's own, which Apollo
// does not look at.
func foreignScheme(header string) bool {
	word, _, blank := strings.Cut(header, " ")
	if !blank {
		return false
	}
	for _, scheme := range [...]string{
		"basic", "bearer", "digest", "negotiate", "ntlm", "aws4-hmac-sha256", "dpop", "hoba", "mutual", "oauth", "vapid",
		"gnap", "token", "apikey", "kerberos", "scram-sha-1", "scram-sha-256", "hawk", "privatetoken",
	} {
		if strings.EqualFold(word, scheme) {
			return true
		}
	}
	return false
}

// decode reads a signature in whatever form. CauseNone is the right one, or
// none at all if nothing was decoded.
func (c *claim) decode(text string) Cause {
	text = strings.TrimSpace(text)
	if len(text) > 3*64 { // longer than the base64 of SHA-512, all of it escaped
		return CauseNone
	}
	if strings.ContainsAny(text, "% ") {
		if plain, err := url.PathUnescape(text); err == nil && c.decode(strings.ReplaceAll(plain, " ", "+")) == CauseNone && c.signed {
			return CauseEscaped
		}
		return CauseNone
	}
	var sum [64]byte // the longest hash
	if len(text)%2 == 0 && len(text) <= 2*len(sum) {
		if n, err := hex.Decode(sum[:], []byte(text)); err == nil && isHash(n) {
			return c.take(sum[:n], CauseHex)
		}
	}
	bare := strings.TrimRight(text, "=")
	encoding, form := base64.RawStdEncoding, CauseNone
	switch {
	case strings.ContainsAny(bare, "-_"):
		encoding, form = base64.RawURLEncoding, CauseURLSafe
	case len(text)%4 != 0:
		form = CauseURLSafe
	}
	if encoding.DecodedLen(len(bare)) > len(sum) {
		return CauseNone
	}
	if n, err := encoding.Decode(sum[:], []byte(bare)); err == nil && isHash(n) {
		return c.take(sum[:n], form)
	}
	return CauseNone
}

// isHash reports whether a hash that is in use has so many bytes: MD5, SHA-1,
// SHA-224, SHA-256, SHA-384 or SHA-512.
func isHash(n int) bool { return n == 16 || n == 20 || n == 28 || n == 32 || n == 48 || n == 64 }

// take notes the bytes of a signature. Those of another hash say what is
// wrong by their number.
func (c *claim) take(sum []byte, form Cause) Cause {
	if len(sum) != sha1.Size {
		return CauseHash
	}
	copy(c.digest[:], sum)
	c.signed = true
	return form
}
