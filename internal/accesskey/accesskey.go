// Package accesskey signs and verifies requests as Apollo's access keys do.
//
// A request carries two headers: Timestamp, in milliseconds since 1970, and
// Authorization, as in "Apollo <app>:<signature>". The signature is the
// base64 of HMAC-SHA1 over the timestamp, a line feed and the raw request
// target. It covers neither method, host nor app: those are for the caller
// to bind.
//
// What is accepted here is what ClientAuthenticationFilter and AccessKeyUtil
// of Apollo's config service accept; where the two differ, the comment of the
// function says so.
package accesskey

import (
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"encoding/base64"
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"lockstep/schemas"
)

// Headers are the values of the two headers of a signed request.
type Headers struct {
	Timestamp     string // milliseconds since 1970
	Authorization string // "Apollo <app>:<signature>"
}

// Sign makes the headers of a request to target, which is path[?query] as it
// goes over the wire. Nothing is signed with an empty secret, nor for an app
// id that Apollo refuses.
func Sign(secret schemas.Secret, app, target string, now time.Time) (Headers, error) {
	switch {
	case secret.Empty():
		return Headers{}, errors.New("an empty secret signs nothing")
	case !validApp(app):
		return Headers{}, schemas.Hint(errors.New("not an app id"),
			"use letters, digits, `_`, `-` and `.`, and no `.` first")
	case !strings.HasPrefix(target, "/"):
		return Headers{}, schemas.Hint(errors.New("not a request target"),
			"give path and query as they are sent, such as /configs/demo/default/application")
	}
	timestamp := strconv.FormatInt(now.UnixMilli(), 10)
	return Headers{
		Timestamp:     timestamp,
		Authorization: "Apollo " + app + ":" + Signature(secret, timestamp, target),
	}, nil
}

// Signature is the 28 characters of base64 that secret gives for a request:
// timestamp is the header as sent, target the raw path[?query].
func Signature(secret schemas.Secret, timestamp, target string) string {
	mac := hmac.New(sha1.New, secret.Reveal())
	_, _ = io.WriteString(mac, timestamp+"\n"+signedTarget(target)) // a hash never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// signedTarget is the part of a target that is signed: Apollo joins path and
// query with a question mark only if there is a query.
func signedTarget(target string) string {
	if mark := strings.IndexByte(target, '?'); mark >= 0 && mark == len(target)-1 {
		return target[:mark]
	}
	return target
}
