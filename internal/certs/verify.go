package certs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"lockstep/schemas"
)

// Verify judges the chain that a server sent, its own certificate first, as
// crypto/tls does in a handshake: for host, by roots (nil for those of the
// system), at now. It returns [schemas.ReasonNone] if the chain passes.
func Verify(chain []*x509.Certificate, roots *x509.CertPool, host string, now time.Time) schemas.Reason {
	_, reason := VerifiedChain(chain, roots, host, now)
	return reason
}

// VerifiedChain is [Verify] with the way up to a root for a chain that passes,
// the server's own certificate first. Of several it is the one that lasts
// longest; nil if there is none.
func VerifiedChain(chain []*x509.Certificate, roots *x509.CertPool, host string, now time.Time) ([]*x509.Certificate, schemas.Reason) {
	if len(chain) == 0 {
		return nil, schemas.ReasonTLSCertificate
	}
	if host == "" { // to crypto/x509 that means any name
		return nil, schemas.ReasonTLSName
	}
	options := x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: now, Intermediates: x509.NewCertPool()}
	for _, c := range chain[1:] {
		options.Intermediates.AddCert(c)
	}
	ways, err := chain[0].Verify(options)
	if err != nil {
		return nil, reasonOf(err, chain, now)
	}
	return slices.MaxFunc(ways, func(a, b []*x509.Certificate) int { return firstEnd(a).Compare(firstEnd(b)) }), schemas.ReasonNone
}

// firstEnd is when the first certificate of a chain ends.
func firstEnd(chain []*x509.Certificate) time.Time {
	return slices.MinFunc(chain, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) }).NotAfter
}

// reasonOf classifies an error of x509.Certificate.Verify.
func reasonOf(err error, chain []*x509.Certificate, now time.Time) schemas.Reason {
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		invalid x509.CertificateInvalidError
		system  x509.SystemRootsError
	)
	switch {
	case errors.As(err, &name):
		return schemas.ReasonTLSName
	case errors.As(err, &unknown), errors.As(err, &system):
		return unanchored(chain)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil && now.Before(invalid.Cert.NotBefore):
		return schemas.ReasonTLSNotYetValid
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return schemas.ReasonTLSExpired
	default:
		return schemas.ReasonTLSCertificate
	}
}

// unanchored says why a chain leads to no root. Whether the issuer of a
// certificate that comes alone is a root or an intermediate cannot be seen in
// it. But a public authority, which never issues from its root, has to say
// where the issuer's certificate can be fetched (CA/Browser Forum, Baseline
// Requirements, 7.1.2.7), and a private one without intermediates rarely does.
func unanchored(chain []*x509.Certificate) schemas.Reason {
	switch top := Top(chain); {
	case SelfSigned(chain[0]):
		return schemas.ReasonTLSSelfSigned
	case top == chain[0] && len(top.IssuingCertificateURL) > 0:
		return schemas.ReasonTLSIncompleteChain
	default:
		return schemas.ReasonTLSUnknownAuthority
	}
}

// longestChain is how far [Top] follows a chain: checking signatures takes
// time, and a server may send what it likes.
const longestChain = 16

// Top follows a chain, which has at least one certificate, from the server's
// own as far up as it goes.
func Top(chain []*x509.Certificate) *x509.Certificate {
	chain = chain[:min(len(chain), longestChain)]
	top := chain[0]
	for range chain {
		i := slices.IndexFunc(chain, func(c *x509.Certificate) bool {
			return bytes.Equal(top.RawIssuer, c.RawSubject) && top.CheckSignatureFrom(c) == nil
		})
		if i < 0 || SelfSigned(top) {
			break
		}
		top = chain[i]
	}
	return top
}

// Fingerprint is the SHA-256 of a whole certificate, in hexadecimal digits.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// SelfSigned reports whether a certificate vouches for itself.
func SelfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// Digest is that of the certificates as a set: what is said of one bundle
// holds for each with the same digest.
func (b *Bundle) Digest() string {
	raw := make([][]byte, 0, len(b.Certificates))
	for _, c := range b.Certificates {
		raw = append(raw, c.Raw)
	}
	slices.SortFunc(raw, bytes.Compare)
	return schemas.Digest(bytes.Join(slices.CompactFunc(raw, bytes.Equal), nil))
}

// Named is the subject or issuer of a certificate in printable text of
// reasonable length, as whoever made it may have put anything there.
func Named(name pkix.Name) string {
	const most = 200
	text := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, name.String()))
	if len(text) > most {
		text = append(text[:most-1], '…')
	}
	return cmp.Or(string(text), "(no name)")
}
