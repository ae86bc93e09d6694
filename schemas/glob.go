package schemas

import (
	"path"
	"path/filepath"
	"strings"
)

// TierOf returns the tier that the policy gives to the file at name, empty if
// it gives none. Paths are compared as written, with forward slashes.
func (p *Policy) TierOf(name string) Tier {
	for _, g := range p.Tiers {
		if MatchGlob(g.Path, name) {
			return g.Tier
		}
	}
	return ""
}

// MatchGlob reports whether a glob matches the path of a file. `*` stands for
// anything within one name, `**` for any number of directories, also none. A
// glob that [path.Match] does not understand matches nothing.
func MatchGlob(glob, name string) bool {
	return matchGlob(strings.Split(glob, "/"), strings.Split(path.Clean(filepath.ToSlash(name)), "/"))
}

// matchGlob is [MatchGlob] for a glob and a path that are split at slashes.
func matchGlob(glob, name []string) bool {
	switch {
	case len(glob) == 0:
		return len(name) == 0
	case glob[0] == "**":
		return matchGlob(glob[1:], name) || (len(name) > 0 && matchGlob(glob, name[1:]))
	case len(name) == 0:
		return false
	}
	ok, err := path.Match(glob[0], name[0])
	return err == nil && ok && matchGlob(glob[1:], name[1:])
}
