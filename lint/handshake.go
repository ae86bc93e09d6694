package lint

import (
	"fmt"
	"slices"
	"strconv"

	"lockstep/schemas"
)

// Handshakes counts those with the upstreams of one subject tls/<endpoint_id>
// in which certificates were shown, as `lockstep run` has recorded them.
type Handshakes struct {
	All  uint64
	Fail uint64 // those that verification refuses
}

// Add counts so many handshakes with an outcome: no reason for a pass. One
// that fails in every mode says nothing of certificates and does not count.
func (h *Handshakes) Add(reason schemas.Reason, count uint64) {
	refused := slices.Contains(schemas.VerificationReasons(), reason)
	if refused {
		h.Fail = schemas.SumCounts(h.Fail, count)
	}
	if refused || reason == schemas.ReasonNone {
		h.All = schemas.SumCounts(h.All, count)
	}
}

// String is what would become of them, such as "0 of 12,304 handshakes would
// fail"; empty if there were none.
func (h Handshakes) String() string {
	if h.All == 0 {
		return ""
	}
	noun := "handshakes"
	if h.All == 1 {
		noun = "handshake"
	}
	return fmt.Sprintf("%s of %s %s would fail", thousands(h.Fail), thousands(h.All), noun)
}

// thousands writes a number with a comma before each three digits.
func thousands(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
