package migrate

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"lockstep/schemas"
)

// A soonEnd is a certificate in use that ends soon.
type soonEnd struct {
	what    string
	sha256  string
	address string
	ends    time.Time
}

// certificateFindings judge the certificates in use. Intermediates and roots
// are replaced by hand, so one that ends soon holds the gate. The certificate
// of a server may end any day, if it was seen to be renewed in time before.
func (u *upstream) certificateFindings(now time.Time) []finding {
	var findings []finding
	known := map[string]bool{}
	var ends []soonEnd
	for _, c := range u.chains {
		if !c.Verified || now.Sub(utc(c.LastMS)) > tlsInUse || utc(c.FirstMS).Sub(now) >= clockSkew {
			continue
		}
		known[c.Address] = true
		ends = append(ends, u.endsOf(&c, now)...)
	}
	for _, a := range u.inUse(now) {
		if a.ok > 0 && a.lastOK > a.lastBad && now.Sub(utc(a.lastOK)) <= tlsInUse && !known[a.name] {
			findings = append(findings, inconclusive("the certificates of %s are not in the log", printable(a.name)))
		}
	}
	slices.SortFunc(ends, func(a, b soonEnd) int {
		return cmp.Or(a.ends.Compare(b.ends), cmp.Compare(a.sha256, b.sha256), cmp.Compare(a.address, b.address))
	})
	for _, e := range slices.CompactFunc(ends, func(a, b soonEnd) bool { return a.sha256 == b.sha256 }) {
		findings = append(findings, wait(time.Time{}, "%s", e.text()))
	}
	return findings
}

// endsOf lists what ends soon in a chain that passed.
func (u *upstream) endsOf(c *ShownChain, now time.Time) []soonEnd {
	var ends []soonEnd
	for i, one := range c.Chain {
		e := soonEnd{what: "the intermediate or root", sha256: one.SHA256, address: c.Address, ends: utc(one.NotAfterMS)}
		if i == 0 {
			e.what = "the certificate"
		}
		if e.ends.Sub(now) < tlsEnds && (i > 0 || !u.renewed(c.Address)) {
			ends = append(ends, e)
		}
	}
	return ends
}

// renewed reports whether an address has shown certificates of its own that
// end at different times: one came after the other.
func (u *upstream) renewed(address string) bool {
	var ends *schemas.EventCertificate
	for _, c := range u.chains {
		switch {
		case c.Address != address || !c.Verified:
		case ends == nil:
			ends = &c.Chain[0]
		case c.Chain[0].NotAfterMS != ends.NotAfterMS && c.Chain[0].SHA256 != ends.SHA256:
			return true
		}
	}
	return false
}

func (e *soonEnd) text() string {
	text := fmt.Sprintf("%s %.12s… of %s ends %s, within %s", e.what, e.sha256, printable(e.address), minute(e.ends), schemas.Duration(tlsEnds))
	if e.what == "the certificate" {
		text += ", and none of that address was seen to be renewed"
	}
	return text
}
