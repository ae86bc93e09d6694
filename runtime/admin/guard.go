package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"lockstep/schemas"
)

// socketHost is the Host of requests through a Unix socket, where nothing is
// looked up.
const socketHost = "lockstep"

// A guard lets requests of programs through, and none that a web page makes a
// browser send: a browser names the page in Origin, and a name that was
// rebound to this address in Host.
type guard struct {
	next   http.Handler
	token  func() (schemas.Secret, error) // nil if none is asked for
	host   string                         // by which the address was named
	socket bool
	leaf   func() *x509.Certificate // nil without TLS
}

// ServeHTTP implements [http.Handler].
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !g.knowsHost(r.Host):
		fail(w, http.StatusForbidden, schemas.Hint(errors.New("this host is not served here"), "use the address that --admin names, or an IP address"))
	case r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Sec-Fetch-Mode") != "":
		fail(w, http.StatusForbidden, errors.New("requests of browsers are not served"))
	case r.Method == http.MethodPost && !isJSON(r.Header.Get("Content-Type")):
		fail(w, http.StatusUnsupportedMediaType, errors.New("the content type has to be application/json"))
	case g.token != nil && !g.knowsToken(r):
		w.Header().Set("WWW-Authenticate", "Bearer")
		fail(w, http.StatusUnauthorized, schemas.Hint(errors.New("the token is missing or wrong"), "name it with --token file:PATH or env:NAME"))
	default:
		g.next.ServeHTTP(w, r)
	}
}

// knowsHost reports whether a request was meant for this address. A name is
// only if somebody who runs this process gave it.
func (g *guard) knowsHost(host string) bool {
	if g.socket {
		return host == socketHost || host == "localhost"
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	if g.leaf != nil {
		if leaf := g.leaf(); leaf != nil && leaf.VerifyHostname(name) == nil {
			return true
		}
	}
	return strings.EqualFold(name, "localhost") || (g.host != "" && strings.EqualFold(name, g.host))
}

// knowsToken compares digests, so that neither content nor length of the token
// shows in the time it takes. Without a token that can be read nobody passes.
func (g *guard) knowsToken(r *http.Request) bool {
	want, err := g.token()
	values := r.Header.Values("Authorization")
	if err != nil || want.Empty() || len(values) != 1 {
		return false
	}
	got, ok := strings.CutPrefix(values[0], "Bearer ")
	a, b := sha256.Sum256([]byte(got)), sha256.Sum256(want.Reveal())
	return ok && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func isJSON(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && media == "application/json"
}
