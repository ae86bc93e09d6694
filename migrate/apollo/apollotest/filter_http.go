package apollotest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// guarded reports whether the filter is mapped to a path. Up to 2.5.2 the old
// /notifications are not.
func (n *Node) guarded(path string) bool {
	under := func(prefix string) bool { return path == prefix || strings.HasPrefix(path, prefix+"/") }
	if !n.apollo.version.below(3, 0, 0) && under("/notifications") {
		return true
	}
	return under("/configs") || under("/configfiles") || under("/notifications/v2")
}

// admit is ClientAuthenticationFilter: it reports whether a request may pass,
// and has answered it if not.
func (n *Node) admit(c *call) bool {
	app := n.appOf(c)
	if !n.apollo.version.below(2, 5, 2) && !appID.MatchString(app) || app == "" {
		c.fail(http.StatusBadRequest) // InvalidAppId, and no line in the log
		return false
	}
	secrets, mode := n.secrets(app, c.at)
	if len(secrets) == 0 {
		return true
	}
	return n.check(c, app, secrets, mode)
}

// check is the filter's doCheck: of an observed request that is not signed it
// logs two lines.
func (n *Node) check(c *call, app string, secrets []string, mode Mode) bool {
	ip, ok := c.clientIP()
	if !ok {
		c.fail(http.StatusInternalServerError)
		return false
	}
	timestamp, authorization := header(c.r, "Timestamp"), header(c.r, "Authorization")
	if !inTime(timestamp, c.at, tolerance) {
		n.invalid(c, app, ip, mode, "timestamp", timestamp)
		if mode == Filter { // RequestTimeTooSkewed
			c.fail(http.StatusUnauthorized)
			return false
		}
	}
	if slices.Contains(secrets, "") { // Java has no HMAC with an empty key
		c.fail(http.StatusInternalServerError)
		return false
	}
	if !signed(secrets, authorization, timestamp, c.r.RequestURI) {
		n.invalid(c, app, ip, mode, "authorization", authorization)
		if mode == Filter {
			c.fail(http.StatusUnauthorized)
			return false
		}
	}
	return true
}

// header is a value as Java prints it.
func header(r *http.Request, name string) string {
	if values := r.Header.Values(name); len(values) > 0 {
		return values[0]
	}
	return null
}

// invalid logs what is wrong with a request. Up to 2.3 the address is missing,
// where exactly is unverified.
func (n *Node) invalid(c *call, app, ip string, mode Mode, what, value string) {
	preCheck, address := "", ",clientIp="+ip
	if mode == Observer {
		preCheck = " in pre-check"
	}
	if n.apollo.version.below(2, 4, 0) {
		address = ""
	}
	n.write(line{
		at: c.at, level: "WARN", thread: c.thread, logger: filterLogger,
		message: fmt.Sprintf("Invalid %s%s. appId=%s%s,%s=%s", what, preCheck, app, address, what, value),
	})
}

// appOf is AccessKeyUtil: the app id is in the path, or in the query for
// notifications. Below 2.5.2 /configfiles/raw/x belongs to the app raw.
func (n *Node) appOf(c *call) string {
	if strings.HasPrefix(c.path, "/notifications") {
		return c.r.URL.Query().Get("appId")
	}
	prefixes := []string{"/configs/", "/configfiles/json/", "/configfiles/raw/", "/configfiles/"}
	if n.apollo.version.below(2, 5, 2) {
		prefixes = []string{"/configs/", "/configfiles/json/", "/configfiles/"}
	}
	for _, prefix := range prefixes {
		if rest, ok := strings.CutPrefix(c.path, prefix); ok {
			app, _, more := strings.Cut(rest, "/")
			if !more { // a slash has to end it
				return ""
			}
			return app
		}
	}
	return ""
}
