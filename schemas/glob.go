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
		if matchGlob(strings.Split(g.Path, "/"), strings.Split(path.Clean(filepath.ToSlash(name)), "/")) {
			return g.Tier
		}
	}
	return ""
}

// matchGlob matches a path against a glob, both split at slashes; `**` stands
// for any number of directories, also none.
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
