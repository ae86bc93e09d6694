package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// shake makes a TLS handshake that takes any certificate, as the whole chain
// is wanted of a server that would be refused. It returns the chain as far as
// the handshake got, and why it failed.
func shake(ctx context.Context, u Upstream, conn net.Conn) (chain []*x509.Certificate, failure schemas.Reason) {
	config := &tls.Config{
		ServerName: u.Key.ServerName,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		// The caller verifies. Nothing is sent that this could betray.
		InsecureSkipVerify: true,
	}
	if u.Certificate != nil {
		config.Certificates = []tls.Certificate{*u.Certificate}
	}
	config, asked := certs.Asked(config)
	client := tls.Client(conn, config)
	defer client.Close() // says goodbye, which keeps the server's log clean
	err := client.HandshakeContext(ctx)
	if err == nil && *asked {
		err = certs.AwaitRefusal(ctx, client)
	}
	return client.ConnectionState().PeerCertificates, certs.FailureOf(err, *asked)
}
