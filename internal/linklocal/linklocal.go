// Package linklocal knows the addresses that answer only to the machine that
// asks or to those beside it, where clouds give out the credentials of a
// machine.
package linklocal

import (
	"net/netip"
	"slices"
)

// Contains reports whether addr is a link-local address, or the metadata
// service of a cloud that has one elsewhere: Alibaba, and AWS for IPv6. An
// IPv4 address counts in each of the forms that it has within IPv6.
func Contains(addr netip.Addr) bool {
	addr = embedded(addr.Unmap().WithZone(""))
	others := []netip.Addr{netip.AddrFrom4([4]byte{100, 100, 100, 200}), netip.MustParseAddr("fd00:ec2::254")}
	return addr.IsLinkLocalUnicast() || slices.Contains(others, addr)
}

// embedded is the IPv4 address that a gateway makes of an IPv6 address: of
// the translation prefix (RFC 6052), of 6to4 (RFC 3056), and of the form that
// was once called compatible (RFC 4291).
func embedded(addr netip.Addr) netip.Addr {
	in := addr.As16()
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte(in[i : i+4])) }
	switch {
	case addr.Is4() || addr.IsUnspecified() || addr.IsLoopback():
		return addr
	case netip.MustParsePrefix("64:ff9b::/96").Contains(addr), netip.MustParsePrefix("::/96").Contains(addr):
		return at(12)
	case netip.MustParsePrefix("2002::/16").Contains(addr):
		return at(2)
	}
	return addr
}
