package schemas

import (
	"errors"
	"strings"
)

// IdentityKind says where a client's name is taken from.
type IdentityKind string

// The kinds of identity sources.
const (
	IdentityHeader IdentityKind = "header" // header:NAME, set by the client or a workload sidecar; claimed
	IdentityParam  IdentityKind = "param"  // param:NAME of the query, such as Apollo's ip; claimed
	IdentityXFF    IdentityKind = "xff"    // the rightmost X-Forwarded-For element no trusted proxy set; verified
	IdentityPeer   IdentityKind = "peer"   // the address of the connection; verified
	IdentityMTLS   IdentityKind = "mtls"   // the client certificate: its first URI, else DNS name, else common name; verified
)

// An IdentitySource is one entry of a listener's identity list; the first
// that yields a name says who is calling.
type IdentitySource struct {
	Kind IdentityKind
	Name string // of the header or parameter
}

// ParseIdentity reads an entry of an identity list.
func ParseIdentity(text string) (IdentitySource, error) {
	kind, name, _ := strings.Cut(text, ":")
	s := IdentitySource{Kind: IdentityKind(kind), Name: name}
	switch s.Kind {
	case IdentityHeader, IdentityParam:
		if name != "" && !strings.EqualFold(name, "authorization") {
			return s, nil
		}
	case IdentityXFF, IdentityPeer, IdentityMTLS:
		if text == kind {
			return s, nil
		}
	}
	return IdentitySource{}, Hint(errors.New("not a source of identity"), "use header:NAME, param:NAME, xff, mtls or peer")
}

// Claimed reports whether the client itself writes what the source says.
func (s IdentitySource) Claimed() bool {
	return s.Kind == IdentityHeader || s.Kind == IdentityParam
}

// IdentitySources returns the identity list of a listener. The default is
// Apollo's ip parameter, then addresses.
func (p *ListenerPolicy) IdentitySources() ([]IdentitySource, error) {
	list := p.Identity
	if len(list) == 0 {
		list = []string{"param:ip", "xff", "peer"}
	}
	sources := make([]IdentitySource, 0, len(list))
	for _, text := range list {
		s, err := ParseIdentity(text)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	return sources, nil
}
