package migrate

import "os"

const (
	hintBytes = 1 << 20 // that are asked for at a time: systems read no more for one hint
	hintAhead = 8 << 20 // how far that is ahead of what is read
)

// A hintingFile tells the system what of a file will be read next, so that it
// comes from the disk while lines are counted.
type hintingFile struct {
	*os.File

	at, hinted int64
}

func newHintingFile(file *os.File, at int64) *hintingFile { return &hintingFile{file, at, at} }

// Read implements [io.Reader].
func (f *hintingFile) Read(p []byte) (int, error) {
	for ; f.hinted < f.at+hintAhead; f.hinted += hintBytes {
		willNeed(f.File, f.hinted, hintBytes)
	}
	n, err := f.File.Read(p)
	f.at += int64(n)
	return n, err //nolint:wrapcheck // it passes on what the file says
}
