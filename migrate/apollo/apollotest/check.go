package apollotest

import (
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"encoding/base64"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// appID is what Apollo's InputValidator takes for one.
var appID = regexp.MustCompile(`^[0-9a-zA-Z_-]+[0-9a-zA-Z_.-]*$`)

// null is how Java prints an absent header, also into what it signs.
const null = "null"

// inTime is the check of the timestamp: strictly less than the tolerance away
// from now, and 0 if it is no number. The arithmetic wraps round as in Java.
func inTime(timestamp string, now time.Time, tolerance time.Duration) bool {
	sent, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		sent = 0
	}
	away := now.UnixMilli() - sent
	if away < 0 {
		away = -away
	}
	return away < tolerance.Milliseconds()
}

// signed reports whether any of secrets gives the signature that stands behind
// the first colon of authorization, up to the second.
func signed(secrets []string, authorization, timestamp, target string) bool {
	parts := strings.Split(strings.TrimRight(authorization, ":"), ":")
	if len(parts) < 2 {
		return false
	}
	return slices.ContainsFunc(secrets, func(secret string) bool {
		return sign(secret, timestamp, target) == parts[1]
	})
}

// sign is the signature of a request; a query that is empty is not signed.
func sign(secret, timestamp, target string) string {
	mac := hmac.New(sha1.New, []byte(secret))
	_, _ = io.WriteString(mac, timestamp+"\n"+strings.TrimSuffix(target, "?")) // a hash never fails
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
