package schemas

import "fmt"

// A Mode says what happens to a request of a subject that fails its check.
type Mode string

// The three modes, weakest first.
const (
	ModeDisabled Mode = "disabled" // nothing is checked
	ModeObserve  Mode = "observe"  // checked and recorded, answered as before
	ModeEnforce  Mode = "enforce"  // checked, recorded and refused on failure
)

// Modes lists all modes, weakest first.
func Modes() []Mode { return []Mode{ModeDisabled, ModeObserve, ModeEnforce} }

// rank orders modes by strictness; an unknown mode ranks below all.
func (m Mode) rank() int {
	for i, known := range Modes() {
		if m == known {
			return i
		}
	}
	return -1
}

// Valid reports whether m is one of [Modes].
func (m Mode) Valid() bool { return m.rank() >= 0 }

// Weaker reports whether m lets more requests pass than other.
func (m Mode) Weaker(other Mode) bool { return m.rank() < other.rank() }

// Next is the one step forward from m; ok is false at the last mode.
func (m Mode) Next() (next Mode, ok bool) {
	i := m.rank() + 1
	if i >= len(Modes()) {
		return m, false
	}
	return Modes()[i], true
}

// CheckStep returns an error unless to is a legal step from m: one mode
// forward, or any mode back.
func (m Mode) CheckStep(to Mode) error {
	if !to.Valid() {
		return Hint(fmt.Errorf("there is no such mode as %q", to), "use one of disabled, observe, enforce")
	}
	if next, ok := m.Next(); to.Weaker(m) || (ok && to == next) {
		return nil
	}
	if m == to {
		return fmt.Errorf("the mode is %s already", m)
	}
	return Hint(fmt.Errorf("a step from %s to %s skips observe", m, to), "observe first, then enforce")
}
