package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// tempName is what [Write] calls a file until it is whole.
var tempName = regexp.MustCompile(`^\.lockstep-[A-Z2-7]{26}$`)

// abandoned is for how long nobody writes a single file.
const abandoned = time.Hour

// Sweep removes what killed writers have left in the directory of the file at
// path: the temporary files that are an hour older than the file itself, which
// was written just now.
func Sweep(path string) error {
	target, err := follow(path)
	if err != nil {
		return err
	}
	info, err := os.Lstat(target)
	if err != nil {
		return step("look at the file", err)
	}
	entries, err := os.ReadDir(filepath.Dir(target))
	if err != nil {
		return step("list the directory", err)
	}
	var errs []error
	for _, e := range entries {
		if !tempName.MatchString(e.Name()) || !e.Type().IsRegular() {
			continue
		}
		left, err := e.Info()
		if err == nil && info.ModTime().Sub(left.ModTime()) >= abandoned {
			errs = append(errs, step("remove "+e.Name(), os.Remove(filepath.Join(filepath.Dir(target), e.Name()))))
		}
	}
	return errors.Join(errs...)
}
