package lint

import (
	"fmt"
	"slices"
	"time"

	"lockstep/schemas"
)

// probeWouldFail is N702.
func probeWouldFail() Rule {
	return Rule{
		ID:    "N702",
		Slug:  "probe-would-fail",
		Title: "the certificate of the upstream does not pass verification",
		Doc: "With `--probe`, lint made a handshake with this upstream, by the same root_cas and for the same name as the agent: verification fails. " +
			"A listener that verifies answers 502 now; one that does not would from the day on which insecure_skip_verify is removed. " +
			"What a server sends proves nothing by itself: compare the SHA-256 of an authority with the one that its owner gives you, before you trust it.",
		Levels: errorInProduction(schemas.LevelInfo, schemas.LevelWarning),
		Admit:  true,
		Check:  checkProbeWouldFail,
	}
}

func checkProbeWouldFail(p *Pass) {
	elsewhere := []schemas.Reason{schemas.ReasonTLSPlaintext, schemas.ReasonTLSClientCertificate} // N703 and N705 say so
	for _, u := range p.probed {
		if !u.tls || u.Outcome != schemas.ProbeFail || slices.Contains(elsewhere, u.Reason) {
			continue
		}
		when := "verification fails: "
		if u.listener.TLS.InsecureSkipVerify {
			when = "verification would fail: "
		}
		why, remedy := u.failure()
		p.atValue(u.at+"/addr", when+why, remedy)
	}
}

// failure says why a handshake does not pass, and what would help.
func (u *probed) failure() (why, remedy string) {
	switch u.Reason { //nolint:exhaustive // of all reasons, those of an answer
	case schemas.ReasonTLSUnknownAuthority:
		return u.leaf() + " is from an authority that is not trusted", u.wantedAuthority()
	case schemas.ReasonTLSIncompleteChain:
		return "the server leaves out an intermediate above " + u.leaf(),
			fmt.Sprintf("have the server send the certificate of %s too", u.Authority.Subject)
	case schemas.ReasonTLSSelfSigned:
		return u.leaf() + " is signed by itself", u.wantedAuthority()
	case schemas.ReasonTLSName:
		return u.leaf() + " is not for this host", "write a host that the certificate names, or have one issued for this host; the common name does not count"
	case schemas.ReasonTLSExpired:
		return u.leaf() + u.days() + ", or one above it, has expired", "have it renewed"
	case schemas.ReasonTLSNotYetValid:
		return u.leaf() + u.days() + ", or one above it, is not valid yet", "check the clocks, or wait"
	case schemas.ReasonTLSClientCertificate:
		return "the upstream refuses the client certificate, or that there is none", "name another one in cert"
	case schemas.ReasonTLSVersion:
		return "the upstream knows no version of TLS from 1.2 on", "update the upstream; the agent speaks nothing older"
	case schemas.ReasonTLSCertificate:
		return u.leaf() + " may not be used for this server", "have one issued for server authentication, below authorities that may issue it"
	default:
		return "the upstream breaks off the handshake", "see its log"
	}
}

// days is when the certificate of the server is valid, in brackets.
func (u *probed) days() string {
	if len(u.Chain) == 0 {
		return ""
	}
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	return fmt.Sprintf(" (%s to %s)", day(u.Chain[0].NotBefore), day(u.Chain[0].NotAfter))
}

// wantedAuthority says which root_cas would do. Whoever answers can send any
// certificate, so none is to be trusted because it was sent.
func (u *probed) wantedAuthority() string {
	switch {
	case u.Reason == schemas.ReasonTLSSelfSigned:
		return "get a certificate from an authority, or name this one in root_cas once its owner has confirmed to you its SHA-256 " + u.Authority.SHA256
	case u.Authority.SHA256 != "":
		return fmt.Sprintf("root_cas would have to hold %s, which the server itself sends: first have its owner confirm to you the SHA-256 %s",
			u.Authority.Subject, u.Authority.SHA256)
	case len(u.Chain) == 1:
		return fmt.Sprintf("root_cas would have to hold %s, to be had from its owner; or if that is an intermediate, the server has to send it", u.Authority.Subject)
	default:
		return fmt.Sprintf("root_cas would have to hold %s, to be had from its owner, as the server does not send it", u.Authority.Subject)
	}
}
