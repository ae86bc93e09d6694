package runtime

import (
	"io/fs"
	"path/filepath"
	"strings"
)

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// trace follows a path as the kernel does and notes everything on the way
// that decides what it leads to. What has to be watched for that: the parent
// of the file and its grandparent, in which a replaced parent shows; the place
// of every symbolic link, as a ConfigMap changes only the link ..data beside
// the file; and the file itself where it can be written by another name.
func (s *survey) trace(path string) {
	path, err := filepath.Abs(path)
	if err != nil { // the working directory is gone
		return
	}
	if s.traced[filepath.Dir(path)] && s.neighbour(path) {
		return
	}
	dir, rest, links := string(filepath.Separator), components(path), 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == ".." {
			dir = filepath.Dir(dir)
			continue
		}
		next := filepath.Join(dir, name)
		found := s.stat(next)
		switch {
		case found.mode&fs.ModeSymlink != 0 && links < maxLinks:
			links++
			s.watch(dir)
			rest = append(components(found.target), rest...)
			if filepath.IsAbs(found.target) {
				dir = string(filepath.Separator)
			}
		case found.mode.IsDir() && len(rest) > 0:
			dir = next
		default: // the file, or where the way ends
			if found.mode.IsRegular() && (links > 0 || found.links > 1) {
				s.watch(next)
			}
			rest = nil
		}
	}
	s.watch(dir)
	s.watch(filepath.Dir(dir))
	if links == 0 && dir == filepath.Dir(path) {
		s.traced[dir] = true
	}
}

// neighbour traces a path whose directory was traced already and is reached
// through no link, as those of a thousand keys in one directory. It reports
// false if the path is a link itself, which leads elsewhere.
func (s *survey) neighbour(path string) bool {
	found := s.stat(path)
	if found.mode.IsRegular() && found.links > 1 {
		s.watch(path)
	}
	return found.mode&fs.ModeSymlink == 0
}

// components are the names that a path leads through; ".." stays, as it is
// not the reverse of a name that is a symbolic link.
func components(path string) []string {
	var names []string
	for name := range strings.SplitSeq(path, string(filepath.Separator)) {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}
