package accesskey

import (
	"crypto/sha1" // Apollo's scheme
	"sync"

	"lockstep/schemas"
)

// maxTries is how many signatures one diagnosis computes at most, so that it
// costs less than 2,000 checks however long the request is. What it is short
// of are pairs of slips, the rare ones last.
const maxTries = 1800

// A Candidate is a key that may have signed a request.
type Candidate struct {
	Subject schemas.Subject
	Secret  schemas.Secret
}

// A Diagnosis says why a check failed.
type Diagnosis struct {
	Cause   Cause
	Also    Cause           // the next one in the same request; CauseNone if there is none
	Subject schemas.Subject // of the key that was meant, as far as it can be told
	SkewMS  int64           // of a skew: our clock minus the client's, in milliseconds

	// What matched, to be tried first for the next request of the client.
	key    *Key
	signed Cause // the slip in what was signed
	secret Cause // the slip in the secret

	open bool // there is a signature, and nothing that was tried gives it
}

// Open reports whether there is a signature that nothing that was tried gives.
func (d *Diagnosis) Open() bool { return d.open }

// A Diagnoser finds out why checks fail. It may be used by many goroutines.
type Diagnoser struct {
	apps     map[string]*suspects // by folded app id
	others   []suspect            // the keys of all apps
	common   []slip
	prefixes []string
	searches sync.Pool // of *search
}

// suspects are the secrets that a client of an app may have.
type suspects struct {
	keys  []suspect
	slips []suspect
}

// A suspect is a secret with the slip that led to it, and the key it comes from.
type suspect struct {
	slip
	subject schemas.Subject
}

// NewDiagnoser prepares a diagnosis by candidates. Prefixes are what a proxy
// may take off the path, beside the usual ones.
func NewDiagnoser(candidates []Candidate, prefixes []string) *Diagnoser {
	d := &Diagnoser{apps: map[string]*suspects{}, common: commonSlips(), prefixes: append(prefixes, usualPrefixes()...)}
	d.searches.New = func() any { return &search{} }
	for _, c := range candidates {
		id := FoldApp(c.Subject.App)
		app := d.apps[id]
		if app == nil {
			app = &suspects{}
			for _, s := range append(d.common, slip{CausePlaceholder, NewKey("", schemas.NewSecret([]byte(c.Subject.App)))}) {
				app.slips = append(app.slips, suspect{slip: s})
			}
			d.apps[id] = app
		}
		key := NewKey(c.Subject.String(), c.Secret)
		app.keys = append(app.keys, suspect{slip{CauseNone, key}, c.Subject})
		for _, s := range secretSlips(c.Secret) {
			app.slips = append(app.slips, suspect{s, c.Subject})
		}
		d.others = append(d.others, suspect{slip{CauseOtherApp, key}, c.Subject.Fold()})
	}
	return d
}

// usualPrefixes are paths under which Apollo is served behind a proxy.
func usualPrefixes() []string {
	return []string{"/apollo", "/config", "/configservice", "/apollo-configservice", "/apollo-config", "/apollo/configservice", "/api", "/meta"}
}

// Diagnose says why a request for app failed. result is what [Verify] said,
// by keys among the candidates. The work is bounded: headers are read first,
// then single slips are tried, then pairs. before is what was found for the
// same client, whose slip is most likely the same; the answer does not depend
// on it.
func (d *Diagnoser) Diagnose(app string, req Request, result Result, before Diagnosis) Diagnosis {
	return d.diagnose(app, &req, result, before, true)
}

// DiagnoseSingle is Diagnose without pairs of slips, in a tenth of the time. A
// pair is found by what was found before.
func (d *Diagnoser) DiagnoseSingle(app string, req Request, result Result, before Diagnosis) Diagnosis {
	return d.diagnose(app, &req, result, before, false)
}

func (d *Diagnoser) diagnose(app string, req *Request, result Result, before Diagnosis, pairs bool) Diagnosis {
	c := readClaim(req, result.Reason)
	found := Diagnosis{}
	if c.clock == CauseSkew {
		found.SkewMS = result.SkewMS
	}
	if c.signed && len(req.Timestamp) > 0 {
		s := d.searches.Get().(*search) // the pool holds nothing else
		s.begin(c.digest, req.Timestamp[0], req.Target, d.prefixes)
		if s.again(before) || d.search(s, FoldApp(app), FoldApp(c.app), pairs) {
			found.Subject, found.key, found.signed, found.secret = s.by.subject, s.by.key, s.text.cause, s.by.cause
		}
		d.searches.Put(s)
		found.open = found.key == nil
	}
	found.name(&c)
	return found
}

// name puts the causes in the order in which they have to be mended.
func (d *Diagnosis) name(c *claim) {
	unknown := CauseNone
	switch {
	case c.signed && d.key == nil && c.form == CauseNone:
		unknown = CauseWrongSecret
	case c.signed && d.key != nil && c.clock == CauseNone && c.form == CauseNone && d.secret == CauseNone && d.signed == CauseNone:
		unknown = CauseEscaped // right but for the way it is written
	}
	for _, cause := range [...]Cause{c.clock, c.form, d.secret, d.signed, unknown} {
		switch {
		case cause == CauseNone:
		case d.Cause == CauseNone:
			d.Cause = cause
		case d.Also == CauseNone:
			d.Also = cause
		}
	}
}

// search tries what is likely and cheap first. named is the app that the
// header names, which Apollo does not look at.
func (d *Diagnoser) search(s *search, app, named string, pairs bool) bool {
	own := d.apps[app]
	if own == nil {
		own = &suspects{}
	}
	right, wrong := s.texts.made[:1], s.texts.made[1:]
	isNamed := func(other string) bool { return named != app && other == named }
	isOther := func(other string) bool { return other != app }
	return s.all(own.keys, right) ||
		s.all(own.slips, right) ||
		s.all(own.keys, wrong) ||
		s.of(isNamed, d.others, s.texts.made) ||
		s.of(isOther, d.others, right) ||
		pairs && (s.within(maxTries/4, func() bool { return s.of(isOther, d.others, wrong) }) || s.all(own.slips, wrong))
}

// A search is the working memory of a diagnosis.
type search struct {
	texts  texts
	digest [sha1.Size]byte
	left   int // tries
	text   text
	by     suspect
}

func (s *search) begin(digest [sha1.Size]byte, stamp, target string, prefixes []string) {
	s.digest, s.left = digest, maxTries
	s.texts.fill(stamp, target, prefixes)
}

// again tries what was found before.
func (s *search) again(before Diagnosis) bool {
	if before.key == nil {
		return false
	}
	for _, t := range s.texts.made {
		if t.cause == before.signed && s.try(suspect{slip{before.secret, before.key}, before.Subject}, []text{t}) {
			return true
		}
	}
	return false
}

// all tries each suspect with each text.
func (s *search) all(suspects []suspect, texts []text) bool {
	for _, by := range suspects {
		if s.try(by, texts) {
			return true
		}
	}
	return false
}

// of tries the keys of some apps.
func (s *search) of(apps func(id string) bool, suspects []suspect, texts []text) bool {
	for _, by := range suspects {
		if apps(by.subject.App) && s.try(by, texts) {
			return true
		}
	}
	return false
}

// within has a part of the search use so many tries at most.
func (s *search) within(tries int, part func() bool) bool {
	rest := max(s.left-tries, 0)
	s.left -= rest
	found := part()
	s.left += rest
	return found
}

// try reports whether a suspect has signed one of the texts, and notes which.
func (s *search) try(by suspect, texts []text) bool {
	texts = texts[:min(len(texts), s.left)]
	s.left -= len(texts)
	if len(texts) == 0 {
		return false
	}
	m := by.key.macs.Get().(*mac) // the pool holds nothing else
	defer by.key.macs.Put(m)
	for _, t := range texts {
		if m.digest(t.bytes) == s.digest {
			s.text, s.by = t, by
			return true
		}
	}
	return false
}

// digest is the HMAC of text.
func (m *mac) digest(text []byte) [sha1.Size]byte {
	m.hash.Reset()
	m.hash.Write(text)
	m.hash.Sum(m.sum[:0])
	return m.sum
}
