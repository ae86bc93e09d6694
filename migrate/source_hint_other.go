//go:build !linux

package migrate

import "os"

// willNeed does nothing where there is no such hint.
func willNeed(*os.File, int64, int64) {}
