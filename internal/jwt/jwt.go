// Package jwt reads what a JSON Web Token says of itself (RFC 7519). Nothing
// is verified: the key is with the server that the token is for.
package jwt

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"time"
)

// Claims are the parts of a token that Piko v0.9 looks at beside its
// signature, issuer and audience, and when it was issued.
type Claims struct {
	Algorithm string      `json:"-"` // of the header
	ExpiresAt NumericDate `json:"exp"`
	NotBefore NumericDate `json:"nbf"`
	IssuedAt  NumericDate `json:"iat"`
	Piko      struct {
		Endpoints []string `json:"endpoints"`
	} `json:"piko"`
}

// Parse takes a token apart; ok is false for everything that is no JWT.
func Parse(token []byte) (claims Claims, ok bool) {
	parts := bytes.Split(bytes.TrimSpace(token), []byte("."))
	if len(parts) != 3 {
		return Claims{}, false
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(string(parts[i]))
		if err != nil || json.Unmarshal(text, into) != nil {
			return Claims{}, false
		}
	}
	claims.Algorithm = header.Algorithm
	return claims, true
}

// A NumericDate is a time in a token: seconds since 1970, or 0 for none.
type NumericDate float64

// Time is the date in UTC, to the second. It is zero for none, and for one
// that no calendar has.
func (d NumericDate) Time() time.Time {
	if d <= 0 || d > 1<<40 {
		return time.Time{}
	}
	return time.Unix(int64(d), 0).UTC()
}
