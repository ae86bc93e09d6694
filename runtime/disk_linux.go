package runtime

import (
	"io/fs"
	"syscall"
)

// stampOf takes the stamp of a file. The time of its last change of status
// counts most, as nobody can set it.
func stampOf(info fs.FileInfo) stamp {
	s := stamp{mode: info.Mode(), size: info.Size(), mtime: info.ModTime().UnixNano()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		s.dev, s.ino, s.links = sys.Dev, sys.Ino, uint64(sys.Nlink)
		s.ctime = sys.Ctim.Nano()
	}
	return s
}

// The magic numbers of file systems on which others may write without any
// event here, from statfs(2) and linux/magic.h.
const (
	magicNFS  = 0x6969
	magicSMB  = 0x517b
	magicCIFS = 0xff534d42
	magicSMB2 = 0xfe534d42
	magicFUSE = 0x65735546
	magic9P   = 0x01021997
	magicCeph = 0x00c36400
	magicAFS  = 0x5346414f
)

// isRemote reports whether a path is on such a file system.
func isRemote(path string) bool {
	var stat syscall.Statfs_t
	if syscall.Statfs(path, &stat) != nil {
		return false
	}
	switch uint32(stat.Type) { //nolint:gosec // the numbers have 32 bits
	case magicNFS, magicSMB, magicCIFS, magicSMB2, magicFUSE, magic9P, magicCeph, magicAFS:
		return true
	}
	return false
}
