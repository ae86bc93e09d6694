package migrate

import (
	"os"

	"golang.org/x/sys/unix"
)

// willNeed asks for a part of a file. It is only a hint, so it may fail.
func willNeed(file *os.File, offset, length int64) {
	conn, err := file.SyscallConn()
	if err != nil {
		return
	}
	_ = conn.Control(func(fd uintptr) {
		_ = unix.Fadvise(int(fd), offset, length, unix.FADV_WILLNEED) //nolint:gosec // descriptors are small
	})
}
