package runtime

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var (
	appID          = regexp.MustCompile(`^[0-9a-zA-Z_-]+[0-9a-zA-Z_.-]*$`)
	pathParameter  = regexp.MustCompile(`;[^/]*`)
	javaLong       = regexp.MustCompile(`^[+-]?[0-9]+$`)
	thirteenDigits = regexp.MustCompile(`^[0-9]{13}$`)
	dotSegment     = regexp.MustCompile(`/\.\.?(/|$)`)
)

// apolloServer restates what is known of Apollo's config service, its servlet
// container and its ClientAuthenticationFilter, line by line and for the
// tests alone: it shares no code with what it is compared to.
type apolloServer struct {
	keys map[string][]apolloKey // by app in lower case; of those that are enabled
	app  string                 // of all requests; empty: taken from each
	now  int64                  // Unix time in milliseconds
}

type apolloKey struct {
	secret string
	filter bool // else it observes
}

// answer is the status that a request is refused with, 0 if it is not. Of the
// headers nil stands for one that is absent.
func (s apolloServer) answer(target string, timestamp, authorization *string) int {
	app, status := s.appOf(target)
	if status != 0 {
		return status
	}
	var secrets []string
	for _, key := range s.keys[strings.ToLower(app)] {
		if key.filter {
			secrets = append(secrets, key.secret)
		}
	}
	switch {
	case app == "", len(secrets) == 0: // not guarded, or only observed
		return 0
	case !s.inTime(timestamp), !signedBy(secrets, target, *timestamp, authorization):
		return http.StatusUnauthorized
	}
	return 0
}

func (s apolloServer) appOf(target string) (app string, status int) {
	if s.app != "" {
		return s.app, 0
	}
	path, query, _ := strings.Cut(target, "?")
	path, ok := servlet(path)
	if !ok {
		return "", http.StatusBadRequest
	}
	switch {
	case strings.HasPrefix(path, "/configs/"):
		app = between(path, "/configs/")
	case strings.HasPrefix(path, "/configfiles/json/"):
		app = between(path, "/configfiles/json/")
	case strings.HasPrefix(path, "/configfiles/raw/"):
		app = between(path, "/configfiles/raw/")
	case strings.HasPrefix(path, "/configfiles/"):
		app = between(path, "/configfiles/")
	case path == "/notifications", strings.HasPrefix(path, "/notifications/"):
		app = queryValue(query, "appId")
	case path != "/configs" && path != "/configfiles":
		return "", 0 // the filter is not asked
	}
	if !appID.MatchString(app) {
		return "", http.StatusBadRequest
	}
	return app, 0
}

// between is the text between a prefix and the next slash; empty without one.
func between(path, prefix string) string {
	rest := strings.TrimPrefix(path, prefix)
	return rest[:max(0, strings.Index(rest, "/"))]
}

// servlet is the path as the container gives it to a filter; ok is false if it
// refuses the request itself.
func servlet(raw string) (path string, ok bool) {
	raw = pathParameter.ReplaceAllString(raw, "")
	path, err := url.PathUnescape(raw)
	if err != nil || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "\\\x00") || strings.Contains(strings.ToLower(raw), "%2f") {
		return "", false
	}
	var kept []string
	segments := strings.Split(path, "/")[1:]
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "..":
			if len(kept) == 0 {
				return "", false
			}
			kept = kept[:len(kept)-1]
		case segment != "." && segment != "":
			kept = append(kept, segment)
			continue
		}
		if last {
			kept = append(kept, "") // the path ends with a slash
		}
	}
	return "/" + strings.Join(kept, "/"), true
}

// queryValue is the first value of a parameter that can be decoded.
func queryValue(query, name string) string {
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		key, keyErr := url.QueryUnescape(key)
		value, valueErr := url.QueryUnescape(value)
		if keyErr == nil && valueErr == nil && key == name {
			return value
		}
	}
	return ""
}

// inTime is Math.abs(now - timestamp) < 60000, where what is no long is 0.
func (s apolloServer) inTime(timestamp *string) bool {
	sent := new(big.Int)
	if timestamp != nil && javaLong.MatchString(*timestamp) {
		if parsed, ok := new(big.Int).SetString(*timestamp, 10); ok && parsed.IsInt64() {
			sent = parsed
		}
	}
	return new(big.Int).Sub(big.NewInt(s.now), sent).CmpAbs(big.NewInt(60_000)) < 0
}

// signedBy is authorization.split(":")[1].equals(signature) for any secret.
func signedBy(secrets []string, target, timestamp string, authorization *string) bool {
	if authorization == nil {
		return false
	}
	parts := strings.Split(*authorization, ":")
	for len(parts) > 0 && parts[len(parts)-1] == "" { // as Java's split does
		parts = parts[:len(parts)-1]
	}
	return len(parts) > 1 && slices.ContainsFunc(secrets, func(secret string) bool {
		return parts[1] == plainSignature(secret, timestamp, target)
	})
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

// plainStrict restates what `strict: true` asks for beyond Apollo: the word
// Apollo, the app that is asked for, and 13 digits.
func plainStrict(app, timestamp, authorization string) bool {
	header := regexp.MustCompile(`(?is)^(Apollo) ` + regexp.QuoteMeta(app) + `:`)
	match := header.FindStringSubmatch(authorization)
	return match != nil && match[1] == "Apollo" && !strings.ContainsAny(match[0], "\u017f\u212a") &&
		thirteenDigits.MatchString(timestamp)
}

// lockstep lets in less: what two servers may read differently, and methods
// beyond GET and HEAD.
func plainlyReadable(method, target string) bool {
	path, query, _ := strings.Cut(target, "?")
	decoded, err := url.PathUnescape(path)
	twice := 0
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(name); err == nil && name == "appId" {
			twice++
		}
	}
	return (method == http.MethodGet || method == http.MethodHead) && err == nil &&
		strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && twice < 2 &&
		!strings.ContainsAny(decoded, ";\\\x00") && !strings.Contains(strings.ToLower(path), "%2f") &&
		!dotSegment.MatchString(decoded)
}
