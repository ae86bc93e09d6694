package schemas

// The reasons why a TLS connection to an upstream fails, or would fail if its
// certificate were verified.
const (
	ReasonTLSUnreachable       Reason = "tls_unreachable"        // no connection
	ReasonTLSTimeout           Reason = "tls_timeout"            // no answer in time
	ReasonTLSPlaintext         Reason = "tls_plaintext"          // the answer is not TLS
	ReasonTLSVersion           Reason = "tls_version"            // only versions before TLS 1.2
	ReasonTLSHandshake         Reason = "tls_handshake"          // broken off for another reason
	ReasonTLSClientCertificate Reason = "tls_client_certificate" // none was given, or not one that is taken
	ReasonTLSSelfSigned        Reason = "tls_self_signed"        // the certificate vouches for itself
	ReasonTLSUnknownAuthority  Reason = "tls_unknown_authority"  // the chain leads to no root that is trusted
	ReasonTLSIncompleteChain   Reason = "tls_incomplete_chain"   // the server leaves out an intermediate
	ReasonTLSName              Reason = "tls_name"               // it is for other names
	ReasonTLSExpired           Reason = "tls_expired"
	ReasonTLSNotYetValid       Reason = "tls_not_yet_valid"
	ReasonTLSCertificate       Reason = "tls_certificate" // it may not be used for this: purpose, constraints, algorithm
)

// VerificationReasons lists those for which verifying refuses a certificate. A
// handshake with any other reason fails in every mode.
func VerificationReasons() []Reason {
	return []Reason{
		ReasonTLSSelfSigned, ReasonTLSUnknownAuthority, ReasonTLSIncompleteChain,
		ReasonTLSName, ReasonTLSExpired, ReasonTLSNotYetValid, ReasonTLSCertificate,
	}
}

// TLSReasons lists every reason of a failing TLS connection.
func TLSReasons() []Reason {
	return []Reason{
		ReasonTLSUnreachable, ReasonTLSTimeout, ReasonTLSPlaintext, ReasonTLSVersion, ReasonTLSHandshake,
		ReasonTLSClientCertificate, ReasonTLSSelfSigned, ReasonTLSUnknownAuthority, ReasonTLSIncompleteChain,
		ReasonTLSName, ReasonTLSExpired, ReasonTLSNotYetValid, ReasonTLSCertificate,
	}
}
