package linklocal_test

import (
	"net/netip"
	"testing"

	"lockstep/internal/linklocal"
)

func TestContains(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"169.254.169.254": true, "169.254.0.1": true, "fe80::1": true, "fe80::1%eth0": true, "febf::1": true,
		"::ffff:169.254.169.254": true, "::169.254.169.254": true, "64:ff9b::169.254.169.254": true, "2002:a9fe:a9fe::1": true,
		"100.100.100.200": true, "fd00:ec2::254": true, "::ffff:100.100.100.200": true,
		"169.253.255.255": false, "169.255.0.1": false, "127.0.0.1": false, "::1": false, "::": false, "0.0.0.0": false,
		"10.0.0.1": false, "fec0::1": false, "64:ff9b::10.0.0.1": false, "2002:a00:1::1": false, "2001:db8::1": false,
	} {
		if got := linklocal.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
