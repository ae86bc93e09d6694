package probe

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"lockstep/schemas"
)

// An Allow lists the hosts that may be dialled. The empty one allows none.
type Allow struct {
	names    []string // in lower case
	suffixes []string // in lower case, with the dot before
	networks []netip.Prefix
}

// ParseAllow reads host names, which match themselves alone, `*.SUFFIX` for
// the names below one, addresses, and networks such as 10.0.0.0/8. The latter
// two match what is written as an address, and not what a name resolves to.
func ParseAllow(texts []string) (*Allow, error) {
	a := &Allow{}
	for _, text := range texts {
		if !a.add(text) {
			return nil, schemas.Hint(fmt.Errorf("%q is no host", text),
				"write a host without scheme and port, *.SUFFIX, an IP address or a network such as 10.0.0.0/8")
		}
	}
	return a, nil
}

func (a *Allow) add(text string) (ok bool) {
	if network, err := netip.ParsePrefix(text); err == nil {
		a.networks = append(a.networks, network.Masked())
		return true
	}
	if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		addr = plain(addr)
		a.networks = append(a.networks, netip.PrefixFrom(addr, addr.BitLen()))
		return true
	}
	suffix, below := strings.CutPrefix(text, "*")
	name := normal(strings.TrimPrefix(suffix, "."))
	switch {
	case name == "" || strings.ContainsAny(name, "*/:@ "):
		return false
	case !below:
		a.names = append(a.names, name)
	case strings.HasPrefix(suffix, "."):
		a.suffixes = append(a.suffixes, "."+name)
	default:
		return false
	}
	return true
}

// Host reports whether host, a name or an address, may be dialled.
func (a *Allow) Host(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return slices.ContainsFunc(a.networks, func(n netip.Prefix) bool { return n.Contains(plain(addr)) })
	}
	host = normal(host)
	return slices.Contains(a.names, host) ||
		slices.ContainsFunc(a.suffixes, func(s string) bool { return strings.HasSuffix(host, s) })
}

// plain is the one form of an address that has several.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }

// normal is the one form of a name.
func normal(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }
