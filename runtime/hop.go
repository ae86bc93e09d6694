package runtime

import (
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many symbolic links a path may lead through, as in Linux.
const maxLinks = 40

// watchedDirs lists the directories whose entries decide what a path leads
// to: its parent, the grandparent, in which a replaced parent shows, and the
// place of every symbolic link on the way. A ConfigMap, for one, changes only
// the link ..data beside the file.
func watchedDirs(path string) []string {
	path, err := filepath.Abs(path)
	if err != nil { // the working directory is gone
		return nil
	}
	var dirs []string
	for range maxLinks {
		link, rest := firstLink(path)
		if link == "" {
			break
		}
		dirs = append(dirs, filepath.Dir(link))
		target, err := os.Readlink(link)
		if err != nil { // changed under our eyes; the watch on its directory tells
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(link), target)
		}
		path = filepath.Join(target, rest)
	}
	parent := existing(filepath.Dir(path))
	return append(dirs, parent, filepath.Dir(parent))
}

// firstLink splits an absolute path after its first component that is a
// symbolic link; link is empty if none is, or if the path ends before.
func firstLink(path string) (link, rest string) {
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != filepath.Separator {
			continue
		}
		info, err := os.Lstat(path[:i])
		switch {
		case err != nil:
			return "", ""
		case info.Mode()&os.ModeSymlink != 0:
			return path[:i], strings.TrimPrefix(path[i:], string(filepath.Separator))
		}
	}
	return "", ""
}

// existing is dir or its nearest ancestor that exists.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}
