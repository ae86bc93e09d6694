package runtime

import (
	"maps"
	"net/http"
	"strings"
)

// protocols are those of the ingress. HTTP/2 is told by its preface, with and
// without TLS, see [clientConn].
func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// RoundTrip implements [http.RoundTripper]. An upstream speaks HTTP/1.1
// without TLS, as at a Piko agent, and HTTP/2 with it if it can. Two kinds of
// requests only work the other way round: gRPC needs HTTP/2, and a connection
// can only be upgraded in HTTP/1.1.
func (p *pool) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.secure && r.Header["Upgrade"] != nil || !p.secure && isGRPC(r) {
		return p.other.RoundTrip(r) //nolint:wrapcheck // a transport like any other
	}
	return p.transport.RoundTrip(r) //nolint:wrapcheck // a transport like any other
}

// otherVersion makes a transport one for the requests that need another
// version of HTTP than all the rest.
func otherVersion(t *http.Transport) *http.Transport {
	var p http.Protocols
	p.SetHTTP1(t.TLSClientConfig != nil)
	p.SetUnencryptedHTTP2(t.TLSClientConfig == nil)
	t.Protocols = &p
	return t
}

// isGRPC tells the requests of gRPC, which come over HTTP/2 only; gRPC-Web
// does not need it.
func isGRPC(r *http.Request) bool {
	kind := r.Header.Get("Content-Type")
	rest, ok := strings.CutPrefix(kind, "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}

// clean takes out of a request what its sender has no say in: the headers in
// which Piko's own nodes talk to each other, and the offer to go on with
// another version of HTTP or with TLS, in whose frames requests would reach
// the upstream that nobody has checked.
func clean(header http.Header) {
	maps.DeleteFunc(header, func(name string, values []string) bool {
		return strings.HasPrefix(name, "X-Piko-") ||
			name == "Upgrade" && !onlyTunnels(strings.Join(values, ","))
	})
	if header["Upgrade"] == nil {
		delete(header, "Http2-Settings")
	}
}

// onlyTunnels reports whether none of the offered protocols carries HTTP.
func onlyTunnels(offers string) bool {
	for offer := range strings.SplitSeq(offers, ",") {
		name, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(offer)), "/")
		switch name {
		case "", "h2", "h2c", "http", "tls":
			return false
		}
	}
	return true
}

// misleading reports whether a request may look different to the upstream
// whatever is done: it asks for a tunnel instead of an answer, or names two
// hosts.
func misleading(r *http.Request) bool {
	if r.Method == http.MethodConnect {
		return true
	}
	for _, host := range r.Header["Host"] { // beside :authority; HTTP/1 has it elsewhere
		if host != r.Host {
			return true
		}
	}
	return false
}
