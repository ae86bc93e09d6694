package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// maxLinks is how many links in a row Linux follows.
const maxLinks = 40

// follow returns where path leads, by way of symbolic links, to a file that
// need not exist. [filepath.EvalSymlinks] cannot do that for a link whose
// file is yet to be written.
func follow(path string) (string, error) {
	for range maxLinks {
		dir, name := filepath.Split(path)
		if name == "" {
			return "", errors.New("it is a directory")
		}
		dir, err := filepath.EvalSymlinks(dir + ".")
		if err != nil {
			return "", step("find the directory", err)
		}
		path = filepath.Join(dir, name)
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, nil // whatever keeps Lstat from working stops Write too
		}
		link, err := os.Readlink(path)
		if err != nil {
			return "", step("follow the link", err)
		}
		if !filepath.IsAbs(link) {
			// Not joined, as that would take a/.. out by its letters,
			// though a may be a link.
			link = dir + string(filepath.Separator) + link
		}
		path = link
	}
	return "", errors.New("too many symbolic links")
}
