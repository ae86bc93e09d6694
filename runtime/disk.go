package runtime

import (
	"io/fs"
	"os"
	"time"

	"lockstep/internal/inputfile"
)

// pace holds the times of the reload loop.
type pace struct {
	quiet  time.Duration // changed inputs are read after this long without another change
	early  time.Duration // and got ready after this long, in case none comes
	max    time.Duration // and at the latest after this long
	hold   time.Duration // what looks half written is given this long, [holdTimes] times
	poll   time.Duration // between two looks at the stamps of all inputs
	remote time.Duration // the same where others write unseen, as on NFS
	hash   time.Duration // between two times that all inputs are read, whatever their stamps say
	tidy   time.Duration // after the last reading, memory is given back
	redial time.Duration // between two handshakes with each address of a staged upstream
	token  time.Duration // between two looks at when the token for Piko ends
}

// defaultPace lets an editor or a ConfigMap finish before the files are read,
// and makes up for events that were lost.
func defaultPace() pace {
	return pace{
		quiet: 50 * time.Millisecond, early: 5 * time.Millisecond, max: 500 * time.Millisecond, hold: 250 * time.Millisecond,
		poll: 10 * time.Second, remote: 2 * time.Second, hash: time.Minute,
		tidy: 2 * time.Second, redial: 50 * time.Minute, token: 10 * time.Second,
	}
}

// A disk is how inputs are read, looked at and watched.
type disk struct {
	read   func(path string) ([]byte, error)
	lstat  func(path string) (fs.FileInfo, error)
	open   func() (*watch, error)
	remote func(path string) bool // others may write there without any event here
}

func realDisk() disk {
	return disk{read: inputfile.Read, lstat: os.Lstat, open: openInotify, remote: isRemote}
}
