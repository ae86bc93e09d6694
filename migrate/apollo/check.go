package apollo

import (
	"errors"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"lockstep/migrate"
	"lockstep/schemas"
)

// filterClass writes the lines that count. Patterns abbreviate its package and
// never the class.
const filterClass = "ClientAuthenticationFilter"

// A check is what the filter says of one request. None of the texts that a
// client has sent is in it, as a signature or a secret might be.
type check struct {
	app      string // in lower case, as Apollo ignores the case
	client   string
	reason   schemas.Reason
	thread   string
	observed bool // in the pre-check, which lets the request pass
	second   bool // the pre-check looks at the signature after the time, and may have said something of that
	unsure   bool // what the client has sent may go on in the next line
}

// origin parts what follows a level into thread, class and message: "1234 ---
// [app] [thread] class : message". The name of the application is there since
// Spring Boot 3.
func origin(rest string) (thread, class, message string, ok bool) {
	_, rest, ok = strings.Cut(rest, "--- ")
	for rest = strings.TrimLeft(rest, " "); ok && strings.HasPrefix(rest, "["); rest = strings.TrimLeft(rest, " ") {
		thread, rest, ok = strings.Cut(rest[1:], "]")
	}
	class, message, found := strings.Cut(rest, " : ")
	if !found {
		class, found = strings.CutSuffix(rest, " :")
	}
	class, _, _ = strings.Cut(strings.TrimSpace(class), " ") // the assembly of all services adds [starting:config]
	return thread, class, strings.TrimLeft(message, " "), ok && found && class != "" && thread != ""
}

// parts takes a message apart. It is anchored on the left: behind the client
// address comes what the client has sent, and that may look like anything.
// Apollo 2.3 and earlier name no client. A line that was wrapped between words
// has lost a blank; one at the end, as some patterns leave it, is no part of it.
func parts() *regexp.Regexp {
	return regexp.MustCompile(`(?s)^Invalid ?(timestamp|authorization)( ?in ?pre-check)?\. ?appId=([^,]*),(?:clientIp=([^,]*),)?(timestamp|authorization)=(.*?)\s*$`)
}

var (
	errCut     = errors.New("it ends early: give the log as it was written")
	errLayout  = errors.New("a line of the check in a layout that is not known")
	errAppID   = errors.New("appId is none that can have a key")
	errTime    = errors.New("its time is none of these centuries")
	errNoStart = errors.New("a line of the check without its beginning")
)

// readMessage reads the message of a check; counts is false if it is none.
func readMessage(message string, pattern *regexp.Regexp) (c check, counts bool, err error) {
	if !strings.HasPrefix(message, "Invalid") {
		return c, false, nil
	}
	found := pattern.FindStringSubmatch(message)
	if found == nil || found[1] != found[5] {
		return c, false, errCut
	}
	c = check{app: strings.ToLower(found[3]), client: client(found[4]), observed: found[2] != "", second: found[1] == "authorization"}
	subject, err := schemas.ParseSubject("key/" + c.app)
	if err != nil || subject.ID != "" || subject.App != c.app {
		return c, false, errAppID
	}
	c.reason = timestampReason(found[6])
	if c.second {
		c.reason = authorizationReason(found[6])
	}
	c.unsure = c.reason == schemas.ReasonMalformed
	return c, true, nil
}

// unnamed is the client of a line that names none: of Apollo before 2.4, or
// where the first X-Forwarded-For is something else. No client can have this
// name, as parentheses are escaped in names.
const unnamed = "(no address)"

// Probe is what our own probes say in X-Forwarded-For, which Apollo logs as the
// client. Whoever else says so hides nobody but himself.
const Probe = "lockstep-probe"

// client is the address that a line names. Apollo takes the first element of
// X-Forwarded-For, unchecked, else the peer; so it is claimed, and what is no
// address might be anything.
func client(text string) string {
	text = strings.TrimSpace(text)
	if text == Probe {
		return migrate.ProbeClient
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return unnamed
		}
		address = withPort.Addr()
	}
	return address.Unmap().WithZone("").String()
}

// timestampReason says what was wrong with a Timestamp; Java prints null for
// a header that is not there.
func timestampReason(value string) schemas.Reason {
	if value == "null" {
		return schemas.ReasonMissing
	}
	if _, err := strconv.ParseInt(value, 10, 64); err != nil {
		return schemas.ReasonMalformed
	}
	return schemas.ReasonSkew
}

// authorizationReason says what was wrong with an Authorization: Apollo looks
// at what is behind the first colon.
func authorizationReason(value string) schemas.Reason {
	if value == "null" {
		return schemas.ReasonMissing
	}
	_, rest, _ := strings.Cut(value, ":")
	if signature, _, _ := strings.Cut(rest, ":"); signature == "" {
		return schemas.ReasonMalformed
	}
	return schemas.ReasonSignature
}

// mentions reports whether a text looks like a message of the check.
func mentions(text string) bool {
	return strings.Contains(text, "Invalid") && strings.Contains(text, "appId=")
}

// exposes reports whether a text prints the secret of an access key. Apollo
// does so at level INFO whenever a key has changed or was deleted.
func exposes(text string) bool {
	_, key, found := strings.Cut(text, "AccessKey{")
	return found && strings.Contains(key, "secret=")
}
