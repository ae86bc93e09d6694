package lint

import (
	"crypto/x509"
	"fmt"
	"iter"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// A material is what one tls mapping of a config leads to.
type material struct {
	schemas.TLS
	at     string            // JSON pointer of the mapping
	client *x509.Certificate // of cert; nil if there is none or it was not read
	roots  *certs.Bundle     // of root_cas; nil likewise
}

// A tlsFile is one path of a tls mapping.
type tlsFile struct{ key, path string }

// files lists the paths that are set.
func (m material) files() []tlsFile {
	if m.Cert == "" && m.Key == "" && m.RootCAs == "" {
		return nil // as in most configs
	}
	all := []tlsFile{{"cert", m.Cert}, {"key", m.Key}, {"root_cas", m.RootCAs}}
	return slices.DeleteFunc(all, func(f tlsFile) bool { return f.path == "" })
}

// A peer is who a TLS connection goes to.
type peer struct {
	material
	url  string // JSON pointer of the address
	host string // that its certificate has to name; empty if only the environment knows
	port string
}

// peers yields those that the agent speaks TLS to: the upstreams of `https://`
// addrs, and the Piko server. Elsewhere tls is never used, which T203 and
// T204 say.
func (p *Pass) peers() iter.Seq[peer] {
	if p.trusted == nil {
		p.trusted = []peer{}
		for _, m := range p.materials {
			if to, ok := p.peerOf(m); ok {
				p.trusted = append(p.trusted, to)
			}
		}
	}
	return slices.Values(p.trusted)
}

func (p *Pass) peerOf(m material) (peer, bool) {
	to := peer{material: m, url: "/connect/url"}
	var u *url.URL
	if i, isListener := listenerIndex(m.at); isListener {
		l := &p.all[i]
		if l.Protocol != schemas.ProtocolHTTP || unusable(l) {
			return peer{}, false
		}
		u = l.url
		to.url = l.at + "/addr"
	} else {
		u = p.connectURL
		if u != nil && undialable(u) != "" {
			return peer{}, false
		}
	}
	if u == nil || (u.Scheme != "https" && u.Scheme != "wss") {
		return peer{}, false
	}
	if !variable(u.Host) {
		to.host, to.port = hostAndPort(u.Host)
	}
	return to, true
}

// anchors yields the peers whose certificates are verified against a bundle
// that could be read.
func (p *Pass) anchors() iter.Seq[peer] {
	return func(yield func(peer) bool) {
		for to := range p.peers() {
			if to.roots != nil && !to.InsecureSkipVerify && !yield(to) {
				return
			}
		}
	}
}

// atRoots reports the certificates of a bundle that a rule has picked, in one
// finding that names the first.
func (p *Pass) atRoots(m material, picked []certs.BundleCertificate, what, hint string) {
	if len(picked) > 0 {
		p.atValue(m.at+"/root_cas", fmt.Sprintf("a certificate in root_cas %s: %s", what, named(picked)), hint)
	}
}

func named(picked []certs.BundleCertificate) string {
	name := picked[0].String()
	if more := len(picked) - 1; more > 0 {
		name += fmt.Sprintf(", and %d more", more)
	}
	return name
}

// privateHost reports whether no public authority can vouch for host: an
// address of a private network, a name without a dot, or one below a domain
// that is not in the public DNS (RFC 6762, RFC 8375, ICANN's .internal, and
// the habits of Kubernetes and of company networks).
func privateHost(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast()
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if !strings.Contains(host, ".") {
		return host != ""
	}
	for _, domain := range []string{".internal", ".local", ".localhost", ".svc", ".home.arpa", ".lan", ".corp", ".intranet"} {
		if strings.HasSuffix(host, domain) {
			return true
		}
	}
	return false
}
