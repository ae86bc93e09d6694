package lint

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// A Listener is what an inventory says of one listener. Its addr is left out,
// as it may hold credentials.
type Listener struct {
	Endpoint    string `json:"endpoint"` // its id; from the second one of an id on with its ordinal, as in svc#2
	Line        int    `json:"line"`
	Scheme      string `json:"scheme"`       // http, https or tcp; other, if the upstream cannot be reached
	Verifies    bool   `json:"verifies"`     // the certificate of the upstream; never without TLS
	RootCAs     string `json:"root_cas"`     // path; empty for the authorities of the system
	RootsExpire string `json:"roots_expire"` // the day on which the first of them does; empty if it is not known
	CertExpires string `json:"cert_expires"` // the day for the client certificate; empty if there is none or it is not known

	Suppressed []ListenerSuppression `json:"suppressed"` // findings that a comment puts up with
	Change     string                `json:"change"`     // since a revision: added, changed or removed; empty if nothing was compared
}

// A ListenerSuppression is a rule of which findings are suppressed.
type ListenerSuppression struct {
	Rule  string `json:"rule"`
	Until string `json:"until"` // the last day, as YYYY-MM-DD in UTC
}

// inventory lists the listeners; it is nil if the agent cannot decode the file.
func (p *Pass) inventory(readFile certs.ReadFunc) []Listener {
	if p.agent == nil {
		return nil
	}
	names := p.agent.Names()
	all := []Listener{}
	for i := range p.all {
		l, pointer := &p.all[i], p.all[i].at
		_, place := p.checked.Place(pointer)
		scheme := schemeOf(l)
		all = append(all, Listener{
			Endpoint: p.shown(pointer+"/endpoint_id", l.EndpointID) + strings.TrimPrefix(names[i], l.EndpointID), Line: place.Start.Line, Scheme: scheme,
			Verifies: scheme == "https" && !l.TLS.InsecureSkipVerify,
			RootCAs:  p.shown(pointer+"/tls/root_cas", shownPath(l.TLS.RootCAs)), RootsExpire: expiry(l.TLS.RootCAs, readFile), CertExpires: expiry(l.TLS.Cert, readFile),
			Suppressed: []ListenerSuppression{},
		})
	}
	return all
}

// listSuppressed tells in the inventory what is suppressed for each listener.
func (r *Report) listSuppressed() {
	for i := range r.Suppressed {
		s := &r.Suppressed[i]
		at, ok := s.Listener()
		if !ok || at >= len(r.Listeners) {
			continue
		}
		l, entry := &r.Listeners[at], ListenerSuppression{s.Rule, s.Until}
		if !slices.Contains(l.Suppressed, entry) {
			l.Suppressed = append(l.Suppressed, entry)
		}
	}
}

// schemeOf is how a listener talks to its upstream, in a closed list: what
// stands before :// may be a secret in the wrong place.
func schemeOf(l *listener) string {
	if l.Protocol == schemas.ProtocolTCP {
		return string(schemas.ProtocolTCP)
	}
	if l.url != nil && (l.url.Scheme == "http" || l.url.Scheme == "https") {
		return l.url.Scheme
	}
	return "other"
}

// shownPath hides what is no path, as it may be the content of a file.
func shownPath(path string) string {
	if certs.IsInline(path) {
		return masked
	}
	return path
}

// expiry is the first day on which a certificate in a file is no longer valid.
func expiry(path string, readFile certs.ReadFunc) string {
	if path == "" || readFile == nil || shownPath(path) != path {
		return ""
	}
	text, err := readFile(path)
	if err != nil {
		return ""
	}
	var first time.Time
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && (first.IsZero() || c.NotAfter.Before(first)) {
			first = c.NotAfter
		}
	}
	if first.IsZero() {
		return ""
	}
	return first.UTC().Format(time.DateOnly)
}
