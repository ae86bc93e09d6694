package accesskey

import (
	"errors"
	"net/url"
	"strings"
)

// AppFromTarget tells which app's keys Apollo asks for a request: it takes
// the app id from the path as Tomcat decodes it, or from the parameter appId
// of the query, as AccessKeyUtil does since version 2.5.2. guarded is false
// for paths that Apollo's filter leaves alone, such as /health or
// /services/config.
//
// An error means that Apollo answers 400 whatever the signature: the app id
// is missing or invalid, or Tomcat refuses the target. The request is guarded
// then, so that no caller lets it pass. The target has to be what Apollo
// sees; behind a context path, take that off first.
func AppFromTarget(target string) (app string, guarded bool, err error) {
	raw, query, _ := strings.Cut(target, "?")
	path, err := servletPath(raw)
	if err != nil {
		return "", true, err
	}
	app, guarded = appFromPath(path, query)
	if guarded && !validApp(app) {
		return "", true, errors.New("the target names no valid app id")
	}
	return app, guarded, nil
}

// FoldApp maps all spellings of an app id that Apollo treats alike to one, as
// it looks up keys without regard to case.
func FoldApp(app string) string { return strings.ToLower(app) }

// appFromPath mirrors the patterns of Apollo's filter, and the order in which
// AccessKeyUtil tries its prefixes. A path that belongs to an app needs a
// slash after the app id.
func appFromPath(path, query string) (app string, guarded bool) {
	for _, prefix := range [...]string{"/configs/", "/configfiles/json/", "/configfiles/raw/", "/configfiles/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			app, _, slash := strings.Cut(rest, "/")
			if !slash {
				return "", true
			}
			return app, true
		}
	}
	switch {
	case path == "/configs" || path == "/configfiles":
		return "", true
	case path == "/notifications" || strings.HasPrefix(path, "/notifications/"):
		app, _ = appParameter(query)
		return app, true
	}
	return "", false
}

// appParameter finds the parameter appId in a query: its first value, and how
// often it is there. As in Tomcat, only & separates, names may be escaped
// too, and a value that cannot be decoded is passed over.
func appParameter(query string) (first string, count int) {
	found := false
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != "appId" {
			continue
		}
		count++
		if value, err := url.QueryUnescape(value); err == nil && !found {
			first, found = value, true
		}
	}
	return first, count
}

// validApp mirrors InputValidator of Apollo: [0-9a-zA-Z_-]+[0-9a-zA-Z_.-]*.
func validApp(app string) bool {
	for i := range len(app) {
		switch c := app[i]; {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '_', c == '-':
		case c == '.' && i > 0:
		default:
			return false
		}
	}
	return app != ""
}
