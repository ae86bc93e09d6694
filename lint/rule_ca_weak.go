package lint

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// caWeak is T214.
func caWeak() Rule {
	return Rule{
		ID:    "T214",
		Slug:  "ca-weak",
		Title: "an authority in root_cas can be forged",
		Doc: "An RSA key of less than 2048 bits, or an elliptic curve of less than 256, can be broken by those who can pay for it, " +
			"and a signature by MD5 or SHA-1 can be given to another certificate. The signature of a root on itself proves nothing and does not count.",
		Levels: errorInProduction(schemas.LevelWarning, schemas.LevelError),
		Admit:  true,
		Check: func(p *Pass) {
			for to := range p.anchors() {
				var keys, signatures []certs.BundleCertificate
				for _, c := range to.roots.Certificates {
					if weakKey(c.PublicKey) {
						keys = append(keys, c)
					} else if weakSignature(c.Certificate) {
						signatures = append(signatures, c)
					}
				}
				p.atRoots(to.material, keys, "has a key that is too short", "replace the authority")
				p.atRoots(to.material, signatures, "is signed by MD5 or SHA-1", "have it signed anew with SHA-256")
			}
		},
	}
}

func weakKey(key any) bool {
	switch key := key.(type) {
	case *rsa.PublicKey:
		return key.N.BitLen() < 2048
	case *ecdsa.PublicKey:
		return key.Params().BitSize < 256
	}
	return false
}

func weakSignature(c *x509.Certificate) bool {
	switch c.SignatureAlgorithm {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return !bytes.Equal(c.RawSubject, c.RawIssuer)
	default:
		return false
	}
}
