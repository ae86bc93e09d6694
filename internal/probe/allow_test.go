package probe_test

import (
	"testing"

	"lockstep/internal/probe"
	"lockstep/schemas"
)

func TestAllow(t *testing.T) {
	t.Parallel()
	allow, err := probe.ParseAllow([]string{"Orders.internal.", "*.svc", "10.1.0.0/16", "192.0.2.1", "[2001:db8::1]", "fd00::/8"})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]bool{
		"orders.internal": true, "ORDERS.internal.": true, "a.svc": true, "a.b.SVC": true,
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "192.0.2.1": true, "2001:db8::1": true, "fd12::1": true,
		"svc": false, "asvc": false, "x.orders.internal": false, "orders.internal.evil": false,
		"10.2.0.1": false, "192.0.2.2": false, "2001:db8::2": false, "10.1.2.3.evil": false, "": false,
	} {
		if got := allow.Host(host); got != want {
			t.Errorf("%q: %v", host, got)
		}
	}
	if nobody, err := probe.ParseAllow(nil); err != nil || nobody.Host("orders.internal") || nobody.Host("10.1.2.3") {
		t.Error("whoever allows nobody allows somebody")
	}
	for _, text := range []string{"", "*", "*.", "*svc", "a.*.b", "https://orders", "orders:443", "u@orders", "10.1.0.0/99", "a b"} {
		if _, err := probe.ParseAllow([]string{text}); err == nil || len(schemas.Hints(err)) != 1 {
			t.Errorf("%q: error %v, want one with a hint", text, err)
		}
	}
}
