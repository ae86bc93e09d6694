package certs

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"time"

	"lockstep/schemas"
)

// Asked returns config for one handshake, after which asked tells whether the
// server wanted a certificate of the client. It is shown the first one of
// config, if it takes one of that kind, as crypto/tls would do.
func Asked(config *tls.Config) (once *tls.Config, asked *bool) {
	once, asked = config.Clone(), new(bool)
	once.GetClientCertificate = func(request *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		*asked = true
		if len(config.Certificates) > 0 && request.SupportsCertificate(&config.Certificates[0]) == nil {
			return &config.Certificates[0], nil
		}
		return new(tls.Certificate), nil
	}
	return once, asked
}

// refusalDelay is how long a server has for refusing the client's certificate
// after a handshake of TLS 1.3, which is over for the client by then
// (RFC 8446, 4.4.2.4).
const refusalDelay = time.Second

// AwaitRefusal waits for a server that has asked for the client's certificate
// to refuse it, after a handshake that went well. Silence and data both mean
// that it does not. The connection is of no use any more.
func AwaitRefusal(ctx context.Context, client *tls.Conn) error {
	if client.ConnectionState().Version != tls.VersionTLS13 {
		return nil // an earlier one would have told
	}
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
	return err //nolint:wrapcheck // it is classified and not shown
}

// FailureOf classifies the error of a handshake, whatever the certificate of
// the server. asked tells whether it wanted one of the client.
func FailureOf(err error, asked bool) schemas.Reason {
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

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// alertProtocolVersion is protocol_version (RFC 8446, 6.2).
const alertProtocolVersion tls.AlertError = 70

// isAlert reports whether the server sent an alert. The type in which
// crypto/tls keeps it is exported for QUIC alone, but has the same text.
func isAlert(err error, alert tls.AlertError) bool {
	remote, ok := errors.AsType[*net.OpError](err)
	return ok && remote.Op == "remote error" && remote.Err.Error() == alert.Error()
}
