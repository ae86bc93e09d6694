package probe_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"testing"

	"lockstep/internal/probe"
	"lockstep/schemas"
)

// TestRebinding: a name that is allowed, and resolves to a metadata address
// by the time it is dialled, is not dialled.
func TestRebinding(t *testing.T) {
	t.Parallel()
	p := prober(t, "orders.test")
	p.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, "udp", nameServer(t, [4]byte{169, 254, 169, 254}))
		if err != nil {
			return nil, fmt.Errorf("name server: %w", err)
		}
		return conn, nil
	}}
	got := one(t, p, probe.Upstream{Key: schemas.ProbeKey{Address: "orders.test:443", ServerName: "orders.test"}})
	if got.Outcome != schemas.ProbeNone || got.Reason != schemas.ReasonProbeLinkLocal || got.Resolved != "" {
		t.Errorf("%s %s %s, want %s %s", got.Outcome, got.Reason, got.Resolved, schemas.ProbeNone, schemas.ReasonProbeLinkLocal)
	}
}

// nameServer starts a DNS server that says of one question that the answer is
// addr.
func nameServer(t *testing.T, addr [4]byte) (address string) {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 512)
		n, from, err := conn.ReadFrom(buffer)
		if err == nil {
			_, _ = conn.WriteTo(dnsAnswer(buffer[:n], addr), from)
		}
	}()
	t.Cleanup(func() { conn.Close(); <-ended })
	return conn.LocalAddr().String()
}

// dnsAnswer answers a query (RFC 1035, 4.1) for an IPv4 address, and any other
// with nothing.
func dnsAnswer(query []byte, addr [4]byte) []byte {
	const header, typeA = 12, 1
	end := header
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root label, type and class
	answer := append([]byte{}, query[:end]...)
	binary.BigEndian.PutUint16(answer[2:], 0x8180) // a response without error
	binary.BigEndian.PutUint16(answer[10:], 0)     // no additional records
	if binary.BigEndian.Uint16(query[end-4:]) != typeA {
		return answer
	}
	binary.BigEndian.PutUint16(answer[6:], 1)
	answer = append(answer, 0xc0, header, 0, typeA, 0, 1, 0, 0, 0, 0, 0, 4)
	return append(answer, addr[:]...)
}
