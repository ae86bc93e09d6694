package migrate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

// A tlsScene is an upstream that is ready to be enforced, for a test to spoil:
// observed for eight days, with one address that verifies every hour.
type tlsScene struct {
	*scene
	leaf, root time.Time // when they end
}

const (
	tlsSubject = "tls/svc"
	tlsAddress = "10.0.0.1:443"
)

func newTLSScene() *tlsScene {
	s := &tlsScene{scene: newScene(), leaf: noon.Add(90 * days), root: noon.Add(900 * days)}
	s.log = newEventLog()
	s.in.Rollout.Subjects = map[string]schemas.RolloutSubject{tlsSubject: {Mode: schemas.ModeObserve, Since: ago(8 * 24)}}
	return s
}

// shake adds a handshake with an address at each of the given hours before noon.
func (s *tlsScene) shake(address string, reason schemas.Reason, hours ...float64) {
	for _, h := range hours {
		s.log.request("n1", tlsSubject, address, verified, reason, ago(h))
	}
}

// hourly adds a handshake an hour, and what is shown of certificates.
func (s *tlsScene) hourly(address string, from, to float64) {
	for h := from; h >= to; h-- {
		s.shake(address, passed, h)
		s.show(address, "1", h, s.leaf)
	}
}

// show adds the detail of a chain of three, of which the leaf is told by octet.
func (s *tlsScene) show(address, octet string, hour float64, leafEnds time.Time) {
	certificate := func(octet string, ends time.Time) schemas.EventCertificate {
		return schemas.EventCertificate{SHA256: strings.Repeat("a"+octet, 32), NotAfterMS: ends.UnixMilli()}
	}
	s.log.add("n1", ago(hour), schemas.Event{
		Kind: schemas.EventDetail, Subject: tlsSubject, Client: address, How: verified, Outcome: schemas.OutcomeOK, Mode: schemas.ModeObserve,
		Chain: []schemas.EventCertificate{certificate(octet, leafEnds), certificate("b", noon.Add(400*days)), certificate("c", s.root)},
	})
}

func (s *tlsScene) judge(t *testing.T) schemas.SubjectVerdict {
	t.Helper()
	s.log.beat("n1", ago(8*24), schemas.SubjectState{Subject: tlsSubject, Mode: schemas.ModeObserve})
	s.in.Evidence = fold(t, "pro-eu", s.log.lines...)
	return newGate(&s.in).verdicts()[0]
}

func TestGateTLS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil   func(*tlsScene)
		verdict schemas.Verdict
		reason  string // the first one
	}{
		"all verify": {
			func(s *tlsScene) { s.hourly(tlsAddress, 190, 0.5) },
			schemas.VerdictPromote, "1 address verifies, and no certificate in use ends soon",
		},
		"two addresses": {
			func(s *tlsScene) { s.hourly(tlsAddress, 190, 0.5); s.hourly("10.0.0.2:443", 190, 0.5) },
			schemas.VerdictPromote, "2 addresses verify, and no certificate in use ends soon",
		},
		"one that has joined": {
			func(s *tlsScene) { s.hourly(tlsAddress, 190, 0.5); s.hourly("10.0.0.2:443", 20, 0.5) },
			schemas.VerdictPromote, "",
		},
		"nothing was seen": {
			func(*tlsScene) {}, schemas.VerdictInconclusive, "no handshake was seen in the last 1d",
		},
		"nothing lately": {
			func(s *tlsScene) { s.hourly(tlsAddress, 190, 30) },
			schemas.VerdictInconclusive, "no handshake was seen in the last 1d",
		},
		"verified for six days": {
			func(s *tlsScene) { s.hourly(tlsAddress, 6*24, 0.5) },
			schemas.VerdictWait, "verified for 6d of 7d",
		},
		"one would be refused": {
			func(s *tlsScene) {
				s.hourly(tlsAddress, 190, 0.5)
				s.shake("10.0.0.2:443", schemas.ReasonTLSExpired, 3, 2, 1)
			},
			schemas.VerdictBlocked, "1 address would be refused: 10.0.0.2:443 (tls_expired 3)",
		},
		"one is mended since yesterday": {
			func(s *tlsScene) { s.hourly(tlsAddress, 190, 0.5); s.shake(tlsAddress, schemas.ReasonTLSName, 24) },
			schemas.VerdictWait, "the last handshake that would be refused was at 2026-11-20 12:00Z, less than 7d ago",
		},
		"one that is gone was bad": {
			func(s *tlsScene) {
				s.hourly(tlsAddress, 190, 0.5)
				s.shake("10.0.0.2:443", schemas.ReasonTLSSelfSigned, 48)
			},
			schemas.VerdictWait, "the last handshake that would be refused was at 2026-11-19 12:00Z, less than 7d ago",
		},
		"bad for longer than a week ago": {
			func(s *tlsScene) { s.hourly(tlsAddress, 190, 0.5); s.shake(tlsAddress, schemas.ReasonTLSName, 170) },
			schemas.VerdictPromote, "",
		},
		"an address that never answers": {
			func(s *tlsScene) {
				s.hourly(tlsAddress, 190, 0.5)
				s.shake("10.0.0.2:443", schemas.ReasonTLSUnreachable, 3, 2, 1)
			},
			schemas.VerdictWait, "10.0.0.2:443 has never been verified: tls_unreachable 3",
		},
		"one that answers now and then": {
			func(s *tlsScene) {
				s.hourly(tlsAddress, 190, 0.5)
				s.shake(tlsAddress, schemas.ReasonTLSTimeout, 0.2, 50)
			},
			schemas.VerdictPromote, "",
		},
		"more than can be told apart": {
			func(s *tlsScene) { s.hourly(tlsAddress, 190, 0.5); s.shake(schemas.OverflowClient, passed, 2) },
			schemas.VerdictInconclusive, "there were more addresses than a node tells apart",
		},
		"no certificate is told of": {
			func(s *tlsScene) { s.hourly(tlsAddress, 190, 0.5); s.shake("10.0.0.2:443", passed, 2) },
			schemas.VerdictInconclusive, "the certificates of 10.0.0.2:443 are not in the log",
		},
		"the root ends soon": {
			func(s *tlsScene) { s.root = noon.Add(29 * days); s.hourly(tlsAddress, 190, 0.5) },
			schemas.VerdictWait, "the intermediate or root acacacacacac… of 10.0.0.1:443 ends 2026-12-20 12:00Z, within 30d",
		},
		"the root ends in thirty days": {
			func(s *tlsScene) { s.root = noon.Add(30 * days); s.hourly(tlsAddress, 190, 0.5) },
			schemas.VerdictPromote, "",
		},
		"the leaf ends soon": {
			func(s *tlsScene) { s.leaf = noon.Add(days); s.hourly(tlsAddress, 190, 0.5) },
			schemas.VerdictWait, "the certificate a1a1a1a1a1a1… of 10.0.0.1:443 ends 2026-11-22 12:00Z, within 30d, and none of that address was seen to be renewed",
		},
		"the leaf ends soon, as the one before did": {
			func(s *tlsScene) {
				s.leaf = noon.Add(days)
				s.show(tlsAddress, "0", 150, ago(140))
				s.hourly(tlsAddress, 190, 0.5)
			},
			schemas.VerdictPromote, "",
		},
		"only another address was renewed": {
			func(s *tlsScene) {
				s.leaf = noon.Add(days)
				s.show("10.0.0.2:443", "0", 150, ago(140))
				s.hourly(tlsAddress, 190, 0.5)
			},
			schemas.VerdictWait, "",
		},
		"an old root, no longer used": {
			func(s *tlsScene) {
				s.root = noon.Add(days)
				s.show(tlsAddress, "0", 150, noon.Add(90*days))
				s.root = noon.Add(900 * days)
				s.hourly(tlsAddress, 190, 0.5)
			},
			schemas.VerdictPromote, "",
		},
		"disabled": {
			func(s *tlsScene) {
				s.hourly(tlsAddress, 190, 0.5)
				s.in.Rollout.Subjects[tlsSubject] = schemas.RolloutSubject{Mode: schemas.ModeDisabled, Since: ago(8 * 24)}
			},
			schemas.VerdictPromote, "all nodes report",
		},
		"not enforced where it comes first": {
			func(s *tlsScene) {
				s.hourly(tlsAddress, 190, 0.5)
				s.in.Earlier = []*schemas.Rollout{{Environment: "fat", Tier: schemas.TierStaging, Subjects: map[string]schemas.RolloutSubject{
					tlsSubject: {Mode: schemas.ModeObserve}, "tls/other": {Mode: schemas.ModeEnforce},
				}}}
			},
			schemas.VerdictWait, "tls/svc is not enforced in fat yet",
		},
		"nobody has loaded it": {
			func(s *tlsScene) {
				s.hourly(tlsAddress, 190, 0.5)
				s.log.add("n1", ago(0.01), schemas.Event{Kind: schemas.EventHeartbeat})
			},
			schemas.VerdictInconclusive, "node n1 has not loaded tls/svc",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newTLSScene()
			c.spoil(s)
			v := s.judge(t)
			if v.Verdict != c.verdict || (c.reason != "" && v.Reasons[0] != c.reason) {
				t.Errorf("%s because of %q, want %s because of %q", v.Verdict, v.Reasons, c.verdict, c.reason)
			}
		})
	}
}

// Every reason of a handshake has a cause and a fix.
func TestTLSCauses(t *testing.T) {
	t.Parallel()
	for _, reason := range schemas.TLSReasons() {
		if c := causeOf(reason); c.fix == "" || c.what == causeOf("nothing").what {
			t.Errorf("%s has no cause", reason)
		}
	}
}

// randomTLSScene has a few addresses that do anything.
func randomTLSScene(random *rand.Rand) *tlsScene {
	s := newTLSScene()
	s.leaf = noon.Add(time.Duration(random.IntN(60)) * days)
	reasons := append(schemas.TLSReasons(), passed, passed, passed)
	for i := range 1 + random.IntN(3) {
		address := fmt.Sprintf("10.0.0.%d:443", i)
		if random.IntN(4) > 0 {
			s.hourly(address, 191, 0.5)
		}
		for range random.IntN(2) {
			s.shake(address, reasons[random.IntN(len(reasons))], random.Float64()*190)
		}
		if random.IntN(2) == 0 {
			s.show(address, "0", 100, ago(80))
		}
	}
	return s
}

// One more handshake that would be refused within a week never lets through what
// was held, and always holds what was let through; nor does the order of
// events matter.
func TestGateTLSAndFailures(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 11))
	promoted := 0
	for range 150 {
		s := randomTLSScene(random)
		before := s.judge(t)
		shuffled := slices.Clone(s.log.lines)
		random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		s.in.Evidence = fold(t, "pro-eu", shuffled...)
		if again := newGate(&s.in).verdicts()[0]; again.Verdict != before.Verdict || !slices.Equal(again.Reasons, before.Reasons) {
			t.Fatalf("another order gives %s, %q; it was %s, %q", again.Verdict, again.Reasons, before.Verdict, before.Reasons)
		}
		if before.Verdict == schemas.VerdictPromote {
			promoted++
		}
		address := fmt.Sprintf("10.0.0.%d:443", random.IntN(4))
		s.shake(address, schemas.ReasonTLSUnknownAuthority, random.Float64()*7*24)
		s.in.Evidence = fold(t, "pro-eu", s.log.lines...)
		if after := newGate(&s.in).verdicts()[0]; after.Verdict == schemas.VerdictPromote {
			t.Fatalf("a failure turns %s, %q into %s", before.Verdict, before.Reasons, after.Verdict)
		}
	}
	if promoted < 10 || promoted > 140 {
		t.Errorf("%d of 150 were promoted: that says little", promoted)
	}
}
