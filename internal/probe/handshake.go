package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"time"

	"lockstep/schemas"
)

// refusalDelay is how long a server has for refusing the client's certificate
// after a handshake of TLS 1.3, which is over for the client by then
// (RFC 8446, 4.4.2.4).
const refusalDelay = time.Second

// shake makes a TLS handshake that takes any certificate, as the whole chain
// is wanted of a server that would be refused. It returns the chain as far as
// the handshake got, and why it failed.
func shake(ctx context.Context, u Upstream, conn net.Conn) (chain []*x509.Certificate, failure schemas.Reason) {
	asked := false
	client := tls.Client(conn, &tls.Config{
		ServerName: u.Key.ServerName,
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		// The caller verifies. Nothing is sent that this could betray.
		InsecureSkipVerify: true,
		GetClientCertificate: func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			if u.Certificate != nil && request.SupportsCertificate(u.Certificate) == nil {
				return u.Certificate, nil
			}
			return new(tls.Certificate), nil // as crypto/tls does with Config.Certificates
		},
	})
	defer client.Close() // says goodbye, which keeps the server's log clean
	err := client.HandshakeContext(ctx)
	state := client.ConnectionState()
	if err == nil && asked && state.Version == tls.VersionTLS13 {
		err = refusal(ctx, client)
	}
	return state.PeerCertificates, failureOf(err, asked)
}

// refusal waits for the server to refuse the client's certificate. Silence
// and data both mean that it does not.
func refusal(ctx context.Context, client *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, refusalDelay)
	defer cancel()
	deadline, _ := ctx.Deadline()
	err := client.SetReadDeadline(deadline)
	if err == nil {
		_, err = client.Read(make([]byte, 1))
	}
	if err != nil && isTimeout(err) {
		return nil
	}
	return err
}

// failureOf classifies the error of a handshake.
func failureOf(err error, asked bool) schemas.Reason {
	var record tls.RecordHeaderError
	switch {
	case err == nil:
		return schemas.ReasonNone
	case isTimeout(err):
		return schemas.ReasonTLSTimeout
	case errors.As(err, &record):
		return schemas.ReasonTLSPlaintext
	case isAlert(err, alertProtocolVersion):
		return schemas.ReasonTLSVersion
	case asked:
		return schemas.ReasonTLSClientCertificate
	default:
		return schemas.ReasonTLSHandshake
	}
}

// alertProtocolVersion is protocol_version (RFC 8446, 6.2).
const alertProtocolVersion tls.AlertError = 70

// isAlert reports whether the server sent an alert. The type in which
// crypto/tls keeps it is exported for QUIC alone, but has the same text.
func isAlert(err error, alert tls.AlertError) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && remote.Err.Error() == alert.Error()
}
