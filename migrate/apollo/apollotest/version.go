package apollotest

import "fmt"

// A version is one of Apollo, such as 2.5.2.
type version [3]int

func parseVersion(text string) (v version, err error) {
	if _, err := fmt.Sscanf(text, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		return v, fmt.Errorf("version %q: %w", text, err)
	}
	return v, nil
}

// below reports whether v came before another version.
func (v version) below(major, minor, patch int) bool {
	for i, other := range [3]int{major, minor, patch} {
		if v[i] != other {
			return v[i] < other
		}
	}
	return false
}
