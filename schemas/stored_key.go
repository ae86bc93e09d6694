package schemas

import "time"

// A StoredKey is a key as Apollo has it, in our words: an enabled FILTER key
// enforces, an enabled OBSERVER key observes, any other is disabled.
type StoredKey struct {
	ID          string    `yaml:"id" json:"id"`                   // Apollo's number
	Fingerprint string    `yaml:"fingerprint" json:"fingerprint"` // see [Secret.Fingerprint]
	Mode        Mode      `yaml:"mode" json:"mode"`
	Changed     time.Time `yaml:"changed,omitempty" json:"changed,omitzero"` // DataChange_LastTime, by Apollo's clock; a Portal does not tell
	By          string    `yaml:"by" json:"by"`                              // who changed it last
}

// Same reports whether nobody has touched the key between two looks at it. As
// Apollo's times are whole seconds, everything counts.
func (k StoredKey) Same(other StoredKey) bool {
	return k.ID == other.ID && k.Fingerprint == other.Fingerprint && k.Mode == other.Mode && k.Changed.Equal(other.Changed) && k.By == other.By
}
