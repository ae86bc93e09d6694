package schemas

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"

	"go.yaml.in/yaml/v3"
)

// redacted is what every formatter of a [Secret] prints.
const redacted = "[secret]"

// A Secret holds key material and cannot print it: every way Go formats a
// value yields the same placeholder. The one way out is [Secret.Reveal].
type Secret struct{ value []byte }

// NewSecret keeps a copy of value, so that a caller may wipe or reuse its buffer.
func NewSecret(value []byte) Secret {
	return Secret{value: append([]byte(nil), value...)}
}

// Reveal returns the key material itself. Callers hand it to a cipher, never
// to a formatter, and do not modify it.
func (s Secret) Reveal() []byte { return s.value }

// Empty reports whether there is no key material.
func (s Secret) Empty() bool { return len(s.value) == 0 }

// Fingerprint names the secret without disclosing it: the first 12 hexadecimal
// digits of its SHA-256, the same everywhere a key is listed. It is empty for
// an empty secret.
func (s Secret) Fingerprint() string {
	if s.Empty() {
		return ""
	}
	sum := sha256.Sum256(s.value)
	return hex.EncodeToString(sum[:])[:12]
}

// Format implements [fmt.Formatter] for every verb, also %x and %#v.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// String implements [fmt.Stringer].
func (s Secret) String() string { return redacted }

// LogValue implements [slog.LogValuer].
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements [encoding.TextMarshaler], which JSON and YAML use.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalYAML reads a secret that stands in a document of another system,
// such as the token in a Piko agent config.
func (s *Secret) UnmarshalYAML(node *yaml.Node) error {
	var text string
	if err := node.Decode(&text); err != nil {
		return err //nolint:wrapcheck // the decoder joins errors of this type only unwrapped
	}
	*s = NewSecret([]byte(text))
	return nil
}
