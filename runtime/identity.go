package runtime

import (
	"cmp"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	"lockstep/schemas"
)

// maxClient is the size in bytes up to which the name of a client is kept.
const maxClient = 128

// client is who sent a request.
type client struct {
	name string // safe to print
	how  schemas.How
}

// identify names the caller by the first source of the listener's list that
// yields a name, and by its address if none does. No other part of the
// request gets into the name: a real Apollo client sends its secret in a
// query parameter.
func (a *auth) identify(r *http.Request) client {
	peer, hops := origin(r)
	for _, source := range a.identity {
		var name string
		how := schemas.HowClaimed
		switch source.Kind {
		case schemas.IdentityHeader:
			name = strings.TrimSpace(r.Header.Get(source.Name))
		case schemas.IdentityParam:
			name = parameter(r.RequestURI, source.Name)
		case schemas.IdentityXFF:
			name, how = a.forwardedFor(hops, peer), schemas.HowVerified
		case schemas.IdentityMTLS:
			if c, ok := r.Context().Value(connKey{}).(*clientConn); ok {
				name, how = c.certified(), schemas.HowVerified
			}
		case schemas.IdentityPeer:
			name, how = address(peer), schemas.HowVerified
		}
		if name != "" {
			return client{cleanName(name), how}
		}
	}
	return client{cmp.Or(address(peer), "unknown"), schemas.HowVerified}
}

// origin is who called this process, and the list of hops as the caller wrote
// it. A Piko server is asked by us to lead requests here, and is trusted to name
// its own caller, which it adds to the list: that is who counts.
func origin(r *http.Request) (peer netip.Addr, hops string) {
	hops = strings.Join(r.Header["X-Forwarded-For"], ",")
	if through(r) == "" {
		return peerAddr(r), hops
	}
	comma := strings.LastIndexByte(hops, ',')
	if peer = parseAddr(strings.TrimSpace(hops[comma+1:])); !peer.IsValid() {
		return peerAddr(r), ""
	}
	return peer, hops[:max(comma, 0)]
}

func peerAddr(r *http.Request) netip.Addr {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return parseAddr(host)
}

// parseAddr reads an address with or without a port; the zero Addr if it is
// none.
func parseAddr(text string) netip.Addr {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}
		}
		addr = withPort.Addr()
	}
	return addr.Unmap().WithZone("")
}

func address(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

// forwardedFor is the rightmost element of X-Forwarded-For that no trusted
// proxy set itself. Everything left of it is the client's own word, and so is
// all of it if the peer is no trusted proxy.
func (a *auth) forwardedFor(hops string, peer netip.Addr) string {
	if !a.trusts(peer) {
		return ""
	}
	for rest := hops; rest != ""; {
		comma := strings.LastIndexByte(rest, ',')
		element := parseAddr(strings.TrimSpace(rest[comma+1:]))
		if !a.trusts(element) {
			return address(element)
		}
		rest = rest[:max(comma, 0)]
	}
	return ""
}

func (a *auth) trusts(addr netip.Addr) bool {
	for _, p := range a.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// parameter is the first value of a query parameter that is not empty.
func parameter(target, name string) string {
	_, query, _ := strings.Cut(target, "?")
	for part := range strings.SplitSeq(query, "&") {
		key, value, _ := strings.Cut(part, "=")
		if key, err := url.QueryUnescape(key); err != nil || key != name {
			continue
		}
		if value, err := url.QueryUnescape(value); err == nil && value != "" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// cleanName makes a name safe for logs and terminals: control and format
// characters (also those that turn the direction of text) and bytes that are
// not UTF-8 are escaped, and what is too long is cut. A leading parenthesis
// is escaped too, as names of our own begin with one.
func cleanName(name string) string {
	if plainName(name) {
		return name
	}
	name = name[:min(len(name), maxClient)]
	quoted := strconv.QuoteToGraphic(name)
	name = quoted[1 : len(quoted)-1]
	if strings.HasPrefix(name, "(") {
		name = `\x28` + name[1:]
	}
	for len(name) > maxClient {
		_, size := utf8.DecodeLastRuneInString(name)
		name = name[:len(name)-size]
	}
	return name
}

func plainName(name string) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '(' {
			return false
		}
	}
	return len(name) <= maxClient
}
