package schemas

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

const day = 24 * time.Hour

// A Duration is written as in Go, or in whole days: 90s, 72h, 7d.
type Duration time.Duration

// ParseDuration reads a duration that is not negative.
func ParseDuration(text string) (Duration, error) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.Atoi(days)
		if err != nil || n < 0 || n > 36500 {
			return 0, errBadDuration()
		}
		return Duration(time.Duration(n) * day), nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errBadDuration()
	}
	return Duration(d), nil
}

func errBadDuration() error {
	return Hint(errors.New("not a duration"), "write a number and a unit, such as 90s, 72h or 7d")
}

// String writes whole days as days and everything else as Go does, without
// zero parts.
func (d Duration) String() string {
	t := time.Duration(d)
	if t >= day && t%day == 0 {
		return fmt.Sprintf("%dd", t/day)
	}
	text := t.String()
	text = strings.TrimSuffix(text, "m0s")
	if text != t.String() {
		text += "m"
	}
	if short, ok := strings.CutSuffix(text, "h0m"); ok {
		return short + "h"
	}
	return text
}

// UnmarshalYAML implements [yaml.Unmarshaler].
func (d *Duration) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := ParseDuration(node.Value)
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

// MarshalText implements [encoding.TextMarshaler].
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
