package lint

import (
	"errors"
	"slices"
	"strings"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// A validation repeats the checks of `piko agent start` v0.9 on a decoded
// config. Piko stops at the first fault; this goes on and collects all.
type validation struct {
	checked   *schemas.Checked
	read      certs.ReadFunc
	parse     certs.ParseFunc
	refusals  []refusal
	materials []material   // of each listener, and of connect
	unread    []unreadFile // on which the verdict depends
}

// An unreadFile is the JSON pointer to a path, and why its file was not read.
type unreadFile struct {
	pointer string
	err     error
}

func (v *validation) refuse(pointer, reason, hint string) {
	_, span := v.checked.Place(pointer)
	v.refusals = append(v.refusals, refusal{pointer: pointer, span: span, reason: reason, hint: hint})
}

// refuseIf refuses the value of key, which begins with a slash, in the mapping
// at a pointer, where wrong holds. The two are joined only then, which it
// hardly ever does.
func (v *validation) refuseIf(wrong bool, at, key, reason, hint string) {
	if wrong {
		v.refuse(at+key, reason, hint)
	}
}

// undecodable notes that the agent's decoder refuses the file. Violations, if
// there are any, say where and why.
func (v *validation) undecodable(err error, violations bool) {
	switch {
	case errors.Is(err, schemas.ErrEmptyAgent):
		v.refuse("", "the file is empty", "add a listener with endpoint_id, addr and timeout")
	case !violations:
		v.refuse("", "its decoder does not take this document", "")
	}
}

func (v *validation) agent(p *Pass) {
	a := p.agent
	v.refuseIf(len(a.Listeners) == 0, "", "/listeners", "there are no listeners", "add a listener with endpoint_id, addr and timeout")
	for i := range p.all {
		v.listener(&p.all[i])
	}
	v.connect(p)
	v.refuseIf(a.Server.Enabled && a.Server.BindAddr == "", "", "/server/bind_addr",
		"bind_addr is empty and the server enabled", "write host:port, or remove bind_addr for :5000")
	v.level("/log", a.Log.Level)
	v.refuseIf(a.GracePeriod == 0, "", "/grace_period", "grace_period is zero", "remove it for 1m, or write a longer one")
}

func (v *validation) listener(l *listener) {
	at := l.at
	v.refuseIf(l.EndpointID == "", at, "/endpoint_id", "endpoint_id is empty", "name the endpoint to register")
	v.addr(l)
	v.refuseIf(l.Timeout == 0, at, "/timeout", "timeout is zero", "write how long a request may take, such as 10s")
	v.tls(at+"/tls", l.TLS)
	if !l.AccessLog.Disable {
		at += "/access_log"
		v.level(at, l.AccessLog.Level)
		v.headers(at, "/request_headers", l.AccessLog.RequestHeaders)
		v.headers(at, "/response_headers", l.AccessLog.ResponseHeaders)
	}
}

// addr checks the upstream, which depends on the protocol. One that is
// unknown is the only fault then.
func (v *validation) addr(l *listener) {
	var ok bool
	switch l.Protocol {
	case schemas.ProtocolHTTP:
		ok = l.url != nil
	case schemas.ProtocolTCP:
		_, ok = l.HostPort()
	default:
		v.refuse(l.at+"/protocol", "there is no such protocol", "use http or tcp")
		return
	}
	if !ok {
		v.refuse(l.at+"/addr", "addr is not a usable address", addrHint(l, v.checked.Expanded(l.at+"/addr")))
	}
}

// addrHint says how an addr is written. 65535 is refused by an error of Piko.
func addrHint(l *listener, expanded bool) string {
	switch {
	case l.Addr == "65535":
		return "write localhost:65535, as Piko takes the numbers up to 65534 only"
	case strings.Contains(l.Addr, "$") && !expanded:
		return "variables are left as they are unless the agent is started with --config.expand-env"
	case l.Protocol == schemas.ProtocolTCP:
		return "write a port or host:port, as in 5432 or localhost:5432"
	}
	return "write a port, host:port or URL, as in 8080, localhost:8080 or https://host:8443"
}

func (v *validation) connect(p *Pass) {
	const at = "/connect"
	c := &p.agent.Connect
	v.refuseIf(c.URL == "", at, "/url", "url is empty", "write the URL of the Piko server, or remove url for http://localhost:8001")
	v.refuseIf(p.connectURL == nil, at, "/url", "url is not a URL", "write it as in https://piko.example.com:8001")
	v.refuseIf(p.proxyURL == nil, at, "/proxy_url", "proxy_url is not a URL", "write it as in http://proxy.example.com:3128")
	v.refuseIf(c.Timeout == 0, at, "/timeout", "timeout is zero", "remove it for 30s, or write a longer one")
	v.tls("/connect/tls", c.TLS)
}

func (v *validation) level(at, level string) {
	if !slices.Contains(logLevels(), level) {
		v.refuse(at+"/level", "there is no such log level", "use one of "+strings.Join(logLevels(), ", "))
	}
}

// logLevels are those of the agent's logs.
func logLevels() []string { return []string{"debug", "info", "warn", "error"} }

func (v *validation) headers(at, key string, f schemas.HeaderFilter) {
	v.refuseIf(len(f.AllowList) > 0 && len(f.BlockList) > 0, at, key,
		"allow_list and block_list exclude each other", "keep one of the two")
}

// tls checks the files. Piko opens them also where they are never used.
func (v *validation) tls(at string, t schemas.TLS) {
	pair, certErr := certs.Certificate(t, v.read)
	roots, rootsErr := certs.RootBundle(t, v.read, v.parse)
	m := material{TLS: t, at: at, roots: roots}
	if pair != nil {
		m.client = pair.Leaf
	}
	v.materials = append(v.materials, m)
	if certErr == nil && rootsErr == nil {
		return
	}
	for _, err := range []error{certErr, rootsErr} {
		fault, ok := errors.AsType[*certs.Fault](err)
		switch {
		case !ok:
		case errors.Is(err, errUnread):
			v.unread = append(v.unread, unreadFile{at + "/" + fault.Field, fault.Shown(v.checked, at)})
		default:
			v.refuse(at+"/"+fault.Field, fault.Shown(v.checked, at).Error(), strings.Join(schemas.Hints(err), "; "))
		}
	}
}
