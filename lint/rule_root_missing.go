package lint

import (
	"bytes"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// rootMissing is T222.
func rootMissing() Rule {
	return Rule{
		ID:    "T222",
		Slug:  "root-missing",
		Title: "root_cas holds an intermediate authority, but not its root",
		Doc: "Go trusts an intermediate in root_cas as if it were a root, so the connection works until the intermediate is replaced, " +
			"which happens far more often than with a root. The issuer of each intermediate belongs beside it, up to a self-signed root.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelOff,
			schemas.TierStaging:     schemas.LevelWarning,
			schemas.TierProduction:  schemas.LevelError,
		},
		Admit: true,
		Check: func(p *Pass) {
			for to := range p.anchors() {
				p.atRoots(to.material, unanchored(to.roots.Certificates),
					"is an intermediate whose chain to a self-signed root is missing", "add the certificates up to the root")
			}
		},
	}
}

// unanchored lists the authorities whose chain does not end in a self-signed
// one among all. Certificates belong together by
// name and key id, as in the search for a chain; whether a signature is good
// shows in the handshake.
func unanchored(all []certs.BundleCertificate) []certs.BundleCertificate {
	issued := map[string][]int{} // by the name of the issuer
	var found []int
	good := make([]bool, len(all))
	for i, c := range all {
		issued[string(c.RawIssuer)] = append(issued[string(c.RawIssuer)], i)
		if bytes.Equal(c.RawSubject, c.RawIssuer) {
			good[i], found = true, append(found, i)
		}
	}
	for len(found) > 0 {
		issuer := all[found[0]]
		found = found[1:]
		for _, i := range issued[string(issuer.RawSubject)] {
			if !good[i] && sameKey(all[i].AuthorityKeyId, issuer.SubjectKeyId) {
				good[i], found = true, append(found, i)
			}
		}
	}
	var picked []certs.BundleCertificate
	for i, c := range all {
		if !good[i] && signsOthers(c.Certificate) {
			picked = append(picked, c)
		}
	}
	return picked
}

// sameKey compares key ids, which a certificate need not have.
func sameKey(a, b []byte) bool { return len(a) == 0 || len(b) == 0 || bytes.Equal(a, b) }
