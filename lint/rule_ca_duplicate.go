package lint

import (
	"crypto/sha256"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// caDuplicate is T213.
func caDuplicate() Rule {
	return Rule{
		ID:    "T213",
		Slug:  "ca-duplicate",
		Title: "a certificate stands in root_cas twice",
		Doc: "It does no harm, but whoever removes an authority from the file removes only one of the two. " +
			"Two certificates of one authority, one of them cross-signed, are not the same and no finding.",
		Levels: schemas.Levels{
			schemas.TierDevelopment: schemas.LevelInfo,
			schemas.TierStaging:     schemas.LevelInfo,
			schemas.TierProduction:  schemas.LevelInfo,
		},
		Admit: true,
		Check: func(p *Pass) {
			for to := range p.anchors() {
				p.atRoots(to.material, repeated(to.roots.Certificates), "is there already", "delete it")
			}
		},
	}
}

// repeated lists the certificates that are equal to one before them.
func repeated(all []certs.BundleCertificate) []certs.BundleCertificate {
	seen := map[[sha256.Size]byte]bool{}
	var picked []certs.BundleCertificate
	for _, c := range all {
		digest := sha256.Sum256(c.Raw)
		if seen[digest] {
			picked = append(picked, c)
		}
		seen[digest] = true
	}
	return picked
}
