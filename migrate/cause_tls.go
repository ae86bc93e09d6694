package migrate

import "lockstep/schemas"

// tlsCauses are of handshakes with upstreams.
func tlsCauses() map[schemas.Reason]cause {
	return map[schemas.Reason]cause{
		schemas.ReasonTLSUnreachable:       {"no connection", "find out whether the name of the upstream should have that address"},
		schemas.ReasonTLSTimeout:           {"no answer in time", "find out whether the name of the upstream should have that address"},
		schemas.ReasonTLSPlaintext:         {"an answer that is not TLS", "name the port of TLS in addr, or write http://"},
		schemas.ReasonTLSVersion:           {"only versions before TLS 1.2", "let the upstream speak TLS 1.2"},
		schemas.ReasonTLSHandshake:         {"handshake broken off", "look at the log of the upstream"},
		schemas.ReasonTLSClientCertificate: {"client certificate not taken", "set cert and key of the listener to what the upstream takes"},
		schemas.ReasonTLSSelfSigned:        {"self-signed certificate", "give the upstream a certificate of your CA; `lockstep lint --probe` shows it"},
		schemas.ReasonTLSUnknownAuthority: {"authority that root_cas does not hold", "name the CA of the upstream in root_cas of the listener; " +
			"`lockstep lint --probe` says which it is"},
		schemas.ReasonTLSIncompleteChain: {"missing intermediate", "let the upstream send its intermediates as well"},
		schemas.ReasonTLSName:            {"certificate for other names", "put the host of addr into the certificate, or a name of the certificate into addr"},
		schemas.ReasonTLSExpired:         {"expired certificate", "renew the certificate of the upstream"},
		schemas.ReasonTLSNotYetValid:     {"certificate that is not valid yet", "check the clocks of the upstream and of this machine"},
		schemas.ReasonTLSCertificate:     {"certificate that may not be used for this", "issue one for servers, by the rules of its CA"},
	}
}
