package runtime

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"time"

	"lockstep/internal/inputfile"
)

// An identity tells files and directories apart that had one name.
type identity struct{ dev, ino uint64 }

// A stamp is what tells without reading that a file is another or was changed.
// Of a directory only its identity counts: its times tell of other entries.
type stamp struct {
	identity
	mode         fs.FileMode
	links        uint64 // names that the file has
	size         int64
	mtime, ctime int64  // in ns
	target       string // of a symbolic link
	fault        string // why there is none of all that
}

// A survey is the state of all inputs at one moment, as far as it can be had
// without opening them. Two surveys are equal if nothing was done to an input
// in between, except within one tick of the clock of its file system.
type survey struct {
	taken   time.Time           // just before the first look
	stamps  map[string]stamp    // by path, of all inputs and of what leads to them
	watched map[string]identity // what has to be watched to hear of changes
	traced  map[string]bool     // directories that no link leads to or through

	lstat func(path string) (fs.FileInfo, error)
}

func newSurvey(paths []string, now time.Time, lstat func(string) (fs.FileInfo, error)) *survey {
	s := &survey{taken: now, stamps: map[string]stamp{}, watched: map[string]identity{}, traced: map[string]bool{}, lstat: lstat}
	for _, path := range paths {
		s.trace(path)
	}
	return s
}

func (s *survey) equal(other *survey) bool { return maps.Equal(s.stamps, other.stamps) }

// has reports whether a path is that of an input or of what leads to one. There
// may be no survey yet.
func (s *survey) has(path string) bool {
	if s == nil {
		return false
	}
	_, ok := s.stamps[path]
	return ok
}

// stat looks at a path once per survey.
func (s *survey) stat(path string) stamp {
	if known, ok := s.stamps[path]; ok {
		return known
	}
	found := s.look(path)
	s.stamps[path] = found
	return found
}

func (s *survey) look(path string) stamp {
	info, err := s.lstat(path)
	if err != nil {
		return stamp{fault: inputfile.Bare(err).Error()}
	}
	found := stampOf(info)
	switch {
	case info.IsDir():
		return stamp{identity: found.identity, mode: found.mode}
	case found.mode&fs.ModeSymlink != 0:
		if found.target, err = os.Readlink(path); err != nil {
			found.fault = inputfile.Bare(err).Error()
		}
	}
	return found
}

// watch notes a directory or file that has to be watched.
func (s *survey) watch(path string) {
	if found := s.stat(path); found.fault == "" {
		s.watched[path] = found.identity
	}
}

// Linux stamps files by a clock that stands still for a tick, at most 10 ms
// long; FAT and others do so for up to 2 s, and then there are no fractions.
const (
	fineGrain   = 100 * time.Millisecond // with room for an event to arrive
	coarseGrain = 3 * time.Second
)

// grain is how long after a change another one may leave the stamps as they
// are, and its event arrive.
func (s *survey) grain() time.Duration {
	for _, found := range s.stamps {
		if found.mode.IsRegular() && found.ctime%int64(time.Second) == 0 {
			return coarseGrain
		}
	}
	return fineGrain
}

// clockTick is by how much the clock that stamps files lags at most on Linux with
// the usual 250 ticks a second.
const clockTick = 4 * time.Millisecond

// since is when the inputs became what they are: when the youngest stamp says,
// as event and look come some milliseconds later on a busy machine. A stamp
// older than slack does not tell, as of a file that was deleted, nor does one
// of a clock that is ahead; then it is the time of the survey.
func (s *survey) since(slack time.Duration) time.Time {
	youngest := int64(0)
	for _, found := range s.stamps {
		youngest = max(youngest, found.ctime)
	}
	if changed := time.Unix(0, youngest).Add(clockTick); changed.Before(s.taken) && s.taken.Sub(changed) < slack {
		return changed
	}
	return s.taken
}

// settled returns a function that reports whether another write to an input
// would show in its stamp, as other inputs have younger ones. It never says so
// of what a link leads to.
func (s *survey) settled() func(path string) bool {
	newest := map[uint64]int64{} // by device, as each may have a clock of its own
	for _, found := range s.stamps {
		if found.mode.IsRegular() {
			newest[found.dev] = max(newest[found.dev], found.ctime)
		}
	}
	grain := int64(s.grain())
	return func(path string) bool {
		path, err := filepath.Abs(path)
		found, ok := s.stamps[path]
		return err == nil && ok && found.mode.IsRegular() && found.ctime < newest[found.dev]-grain
	}
}
