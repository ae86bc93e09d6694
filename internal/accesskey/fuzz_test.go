package accesskey_test

import (
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"encoding/base64"
	"math/big"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"lockstep/internal/accesskey"
)

// FuzzVerify holds Verify against a plain restatement of Apollo's filter.
// Signature and timestamp are good unless the fuzzer gives others.
func FuzzVerify(f *testing.F) {
	f.Add("a", "b", testTarget, "", "", int64(0))
	f.Add("a", "", "/configs/demo/x?", "", "Basic q:$:x", int64(59999))
	f.Add("é", "a", "/notifications/v2?appId=demo", "+1576478257344", "", int64(-60000))
	f.Add("", "", "/", "-0", ":$", int64(1))
	f.Add("k", "a", "", "9223372036854775808", "$", int64(1))
	f.Fuzz(func(t *testing.T, first, second, target, timestamp, authorization string, offset int64) {
		now := time.UnixMilli(testNowMS + offset%120_000)
		if timestamp == "" {
			timestamp = "1576478257344"
		}
		if authorization == "" {
			authorization = "Apollo demo:$"
		}
		authorization = strings.ReplaceAll(authorization, "$", plainSignature(second, timestamp, target))
		want := plainFilter([]string{first, second}, target, timestamp, authorization, now)
		got := accesskey.Verify(keys(first, second), accesskey.Request{
			Target: target, Timestamp: []string{timestamp}, Authorization: []string{authorization},
		}, now, tolerance)
		if apolloMessage(got) != want || got.OK() != (got.Reason == "") {
			t.Errorf("got %q (%s), want %q", apolloMessage(got), got.Reason, want)
		}
	})
}

// javaLong is what Long.parseLong takes, but for its range.
var javaLong = regexp.MustCompile(`^[+-]?[0-9]+$`)

// plainFilter decides like ClientAuthenticationFilter, step by step.
func plainFilter(secrets []string, target, timestamp, authorization string, now time.Time) string {
	sent := new(big.Int)
	if javaLong.MatchString(timestamp) {
		if parsed, _ := new(big.Int).SetString(timestamp, 10); parsed.IsInt64() {
			sent = parsed
		}
	}
	distance := new(big.Int).Sub(big.NewInt(now.UnixMilli()), sent)
	if distance.CmpAbs(big.NewInt(60_000)) >= 0 {
		return "RequestTimeTooSkewed"
	}
	parts := strings.Split(authorization, ":")
	for len(parts) > 0 && parts[len(parts)-1] == "" {
		parts = parts[:len(parts)-1]
	}
	for _, secret := range secrets {
		if secret != "" && len(parts) > 1 && parts[1] == plainSignature(secret, timestamp, target) {
			return ""
		}
	}
	return "Unauthorized"
}

func plainSignature(secret, timestamp, target string) string {
	path, query, _ := strings.Cut(target, "?")
	if query != "" {
		path += "?" + query
	}
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write([]byte(timestamp + "\n" + path))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// FuzzAppFromTarget holds AppFromTarget against a plain restatement of Tomcat
// and AccessKeyUtil, and makes sure that whatever passes CheckTarget names the
// same app to a reader that does not normalize paths.
func FuzzAppFromTarget(f *testing.F) {
	for _, target := range []string{
		"/configs/demo/x", "/configfiles/json/demo/x", "/configfiles/raw/a/b", "/configfiles/a/b", "/configs",
		"/notifications/v2?appId=a&appId=b", "/notifications?x=%zz&%61ppId=a", "//configs/a/../b/./c/..;x",
		"/a/%2e%2e/configs/%64/", "/../configs/a/b", "/configs/a%2Fb/c", "/configs/;/a/;b/..;/c", "/health",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		got := appOf(target)
		if want := plainApp(target); got != want {
			t.Errorf("%q: got %s, want %s", target, got, want)
		}
		if accesskey.CheckTarget(target) != nil {
			return
		}
		parsed, err := url.ParseRequestURI(target)
		if err != nil || strings.Contains(parsed.Path, "//") {
			return // refused by net/http, or read alike after collapsing slashes
		}
		if naive := plainRules(parsed.Path, parsed.Query().Get("appId")); naive != got && !strings.Contains(parsed.RawQuery, ";") {
			t.Errorf("%q passes the check, but names %s to one reader and %s to another", target, got, naive)
		}
	})
}

var (
	pathParameter = regexp.MustCompile(`;[^/]*`)
	upSegment     = regexp.MustCompile(`/[^/]+/\.\./`)
	validApp      = regexp.MustCompile(`^[0-9a-zA-Z_-]+[0-9a-zA-Z_.-]*$`)
	appPrefix     = regexp.MustCompile(`^/(configs|configfiles/json|configfiles/raw|configfiles)/`)
	guardedPath   = regexp.MustCompile(`(?s)^/(configs|configfiles|notifications)(/.*)?$`)
)

// plainApp normalizes as Tomcat's CoyoteAdapter does, by repeated replacement.
func plainApp(target string) string {
	raw, query, _ := strings.Cut(target, "?")
	raw = pathParameter.ReplaceAllString(raw, "")
	path, err := url.PathUnescape(raw)
	if err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "\\\x00") ||
		strings.Contains(strings.ToLower(raw), "%2f") {
		return "invalid"
	}
	for strings.Contains(path, "//") {
		path = strings.ReplaceAll(path, "//", "/")
	}
	if strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..") {
		path += "/"
	}
	for strings.Contains(path, "/./") {
		path = strings.ReplaceAll(path, "/./", "/")
	}
	for strings.Contains(path, "/../") {
		if strings.HasPrefix(path, "/../") {
			return "invalid"
		}
		at := upSegment.FindStringIndex(path)
		path = path[:at[0]] + path[at[1]-1:]
	}
	parameter := ""
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if nameErr == nil && valueErr == nil && name == "appId" {
			parameter = value
			break
		}
	}
	return plainRules(path, parameter)
}

// plainRules decides like AccessKeyUtil, on a normalized path.
func plainRules(path, parameter string) string {
	if !guardedPath.MatchString(path) {
		return "unguarded"
	}
	app := parameter
	if !strings.HasPrefix(path, "/notifications") {
		rest := path[len(appPrefix.FindString(path)):]
		app = rest[:max(0, strings.IndexByte(rest, '/'))]
	}
	if !validApp.MatchString(app) {
		return "invalid"
	}
	return app
}

// FuzzDiagnose: whatever a request holds, a failure has a cause, which does
// not depend on what was found before, and a pass has been no cause to ask.
func FuzzDiagnose(f *testing.F) {
	f.Add("/configs/demo/default/x?&ip=1", "1576478257344", "Apollo demo:AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "null", int64(0))
	f.Add("/a/%2/..//;x?%zz&+=&&", "1576478257", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "a\n", int64(1e9))
	f.Add("?", "", "Apollo :%2B%3d", "", int64(-1e9))
	f.Add("/x%", "x", ":-_", "\"", int64(59_999))
	diagnoser := accesskey.NewDiagnoser(testCandidates(), []string{"/own"})
	f.Fuzz(func(t *testing.T, target, timestamp, authorization, secret string, offset int64) {
		now := time.UnixMilli(testNowMS + offset%(1<<40))
		authorization = strings.ReplaceAll(authorization, "$", plainSignature(secret, timestamp, target))
		request := accesskey.Request{Target: target, Timestamp: []string{timestamp}, Authorization: []string{authorization}}
		result := accesskey.Verify(keys(plantedSecret, "the second key"), request, now, tolerance)
		if result.OK() {
			return
		}
		got := diagnoser.Diagnose("demo", request, result, accesskey.Diagnosis{})
		if got.Cause.What() == "" || (got.Also != "" && got.Also.What() == "") || got.Cause == got.Also {
			t.Errorf("%q and %q", got.Cause, got.Also)
		}
		again := diagnoser.Diagnose("demo", request, result, got)
		if again.Cause != got.Cause || again.Also != got.Also || again.Subject != got.Subject || again.SkewMS != got.SkewMS {
			t.Errorf("%+v, and with that known %+v", got, again)
		}
	})
}
