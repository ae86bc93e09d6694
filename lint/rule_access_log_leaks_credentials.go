package lint

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"lockstep/schemas"
)

// accessLogLeaksCredentials is S305.
func accessLogLeaksCredentials() Rule {
	return Rule{
		ID:    "S305",
		Slug:  "access-log-leaks-credentials",
		Title: "the access log holds credentials of callers",
		Doc: "The access log writes every header that its lists do not keep out. Whoever reads the log, or wherever it is sent, " +
			"has what stands in Authorization and Cookie and can act as the caller.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Admit:  true,
		Check:  checkAccessLog,
	}
}

func checkAccessLog(p *Pass) {
	for at, l := range p.listeners() {
		if l.Protocol != schemas.ProtocolHTTP || !p.writesAccessLog(l) {
			continue
		}
		signs := p.policy != nil && p.policy.Listeners[l.EndpointID].Auth == schemas.AuthApollo
		checkLoggedHeaders(p, at, "request_headers", l.AccessLog.RequestHeaders, signs, "Authorization", "Cookie", "X-Piko-Authorization")
		checkLoggedHeaders(p, at, "response_headers", l.AccessLog.ResponseHeaders, false, "Set-Cookie")
	}
}

// checkLoggedHeaders reports the credentials that a filter lets through, of a
// filter that somebody has written, or where they are known to come.
func checkLoggedHeaders(p *Pass, at, key string, f schemas.HeaderFilter, expected bool, credentials ...string) {
	pointer := func() string { return at + "/access_log/" + key }
	if len(f.AllowList) > 0 {
		for i, name := range f.AllowList {
			if slices.Contains(credentials, textproto.CanonicalMIMEHeaderKey(name)) {
				p.atValue(fmt.Sprintf("%s/allow_list/%d", pointer(), i), "this header is a credential, and the access log writes it", "remove it from allow_list")
			}
		}
		return
	}
	logged := slices.DeleteFunc(credentials, func(name string) bool {
		return slices.ContainsFunc(f.BlockList, func(b string) bool { return textproto.CanonicalMIMEHeaderKey(b) == name })
	})
	names := strings.Join(logged, ", ")
	switch {
	case len(logged) == 0:
	case len(f.BlockList) > 0:
		p.atKey(pointer()+"/block_list", "block_list leaves credentials in the access log: "+names, "add "+names)
	case expected:
		p.atKey(pointer(), "callers sign their requests, and the access log writes Authorization", "add a block_list with "+names)
	}
}

// writesAccessLog reports whether a request can appear in the log. An answer
// of 500 and above is logged at warn at least.
func (p *Pass) writesAccessLog(l *listener) bool {
	levels := []string{"debug", "info", "warn", "error"}
	worst := max(slices.Index(levels, l.AccessLog.Level), slices.Index(levels, "warn"))
	return !l.AccessLog.Disable &&
		(worst >= slices.Index(levels, p.agent.Log.Level) || slices.Contains(p.agent.Log.Subsystems, "proxy.http.access"))
}
