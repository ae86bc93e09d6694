package migrate

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"lockstep/schemas"
)

// maxWindow bounds what zstd may ask for to unpack a log. All but its --ultra
// levels and --long need less.
const maxWindow = 32 << 20

// headBytes is how much of the beginning of a log tells it from others.
const headBytes = 1024

// A logFile is one log, or standard input.
type logFile struct {
	path     string
	stdin    io.Reader // nil if it is a file
	id       fileID
	size     int64
	modified time.Time
	packed   bool
	gzipped  bool     // it is packed in that way
	torn     bool     // what is packed ends in the middle: it may still be being written
	head     string   // the first bytes, unpacked; shorter than headBytes if that is all
	from     position // up to which it was read
	state    logState
	fresh    bool      // it is not known from before
	kept     bool      // it is as it was, and was not opened
	ended    bool      // it was read to its end since it was found
	of       *logFile  // that has all of it
	after    *knownLog // it was left out, as it had less than was read of that one
	row      *logRow   // of a store
}

// newLogFile looks at a file and its first bytes.
func newLogFile(path string) (*logFile, error) {
	log := &logFile{path: path, row: &logRow{}}
	var read atomic.Int64
	text, err := log.open(&read)
	if err == nil {
		defer text.Close()
		log.head, err = log.readHead(text)
	}
	if log.torn = log.packed && errors.Is(err, io.ErrUnexpectedEOF); log.torn {
		err = nil // whoever reads on will meet it again
	}
	return log, err
}

// readHead reads the first bytes of a log, or all that there are.
func (l *logFile) readHead(text io.Reader) (string, error) {
	head, err := io.ReadAll(io.LimitReader(text, headBytes))
	if err != nil {
		err = fmt.Errorf("read %s: %w", l.path, err)
	}
	return string(head), err
}

// open opens the log, and counts what is read of it before it is unpacked.
func (l *logFile) open(read *atomic.Int64) (io.ReadCloser, error) {
	in, from := io.ReadCloser(io.NopCloser(l.stdin)), l.stdin
	if l.stdin == nil {
		file, err := l.openFile()
		if err != nil {
			return nil, err
		}
		in, from = file, newHintingFile(file, 0)
	}
	text, err := l.unpack(&countingReader{from, read})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", l.path, cutOff(err)), in.Close())
	}
	return &unpacked{text, in}, nil
}

// openAt opens the log at a place of its text. The error is [io.EOF] if the
// log ends before.
func (l *logFile) openAt(read *atomic.Int64, offset int64) (io.ReadCloser, error) {
	if offset > 0 && !l.packed {
		return l.seek(read, offset)
	}
	text, err := l.open(read)
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyN(io.Discard, text, offset); err != nil { // what is packed has to be unpacked up to there
		return nil, errors.Join(fmt.Errorf("read %s: %w", l.path, err), text.Close())
	}
	return text, nil
}

func (l *logFile) seek(read *atomic.Int64, offset int64) (io.ReadCloser, error) {
	file, err := l.openFile()
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil || l.size < offset {
		return nil, errors.Join(fmt.Errorf("read %s: %w", l.path, cmp.Or(err, io.EOF)), file.Close())
	}
	read.Add(offset)
	return &unpacked{io.NopCloser(bufio.NewReaderSize(&countingReader{newHintingFile(file, offset), read}, 64<<10)), file}, nil
}

// openFile opens the file and notes what it is at this moment.
func (l *logFile) openFile() (*os.File, error) {
	// Without O_NONBLOCK, opening a FIFO that took the place of a file would wait.
	file, err := os.OpenFile(l.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read logs: %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = schemas.Hint(fmt.Errorf("%s: it is not a regular file", l.path), "copy its content to a file, or pipe it into --logs -")
	}
	if err == nil {
		l.id, err = idOf(l.path, info)
		l.size, l.modified = info.Size(), info.ModTime()
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// unpacked is a log that is read through what unpacks it.
type unpacked struct {
	io.ReadCloser
	packed io.Closer
}

// Close implements [io.Closer]. What unpacks only says again what was wrong with
// what it has read, which is nobody's business if that is not what was looked for.
func (u *unpacked) Close() error {
	_ = u.ReadCloser.Close()
	return u.packed.Close() //nolint:wrapcheck // it passes on what it wraps
}

// A countingReader counts what is read.
type countingReader struct {
	io.Reader
	read *atomic.Int64
}

// Read implements [io.Reader].
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read.Add(int64(n))
	return n, err //nolint:wrapcheck // it passes on what it wraps
}

// magicBytes is how many bytes tell what is packed.
const magicBytes = 4

func isGzip(head string) bool { return strings.HasPrefix(head, "\x1f\x8b") }         // RFC 1952, section 2.3.1
func isZstd(head string) bool { return strings.HasPrefix(head, "\x28\xb5\x2f\xfd") } // RFC 8878, section 3.1.1

// unpack looks at the first bytes, as rotated files have all sorts of names.
func (l *logFile) unpack(in io.Reader) (io.ReadCloser, error) {
	text := bufio.NewReaderSize(in, 64<<10)
	magic, err := text.Peek(magicBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err //nolint:wrapcheck // the caller names the file
	}
	switch {
	case isGzip(string(magic)):
		l.packed, l.gzipped = true, true
		return gzip.NewReader(text) //nolint:wrapcheck // the caller names the file
	case isZstd(string(magic)):
		l.packed = true
		inflated, err := zstd.NewReader(text, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return nil, err //nolint:wrapcheck // the caller names the file
		}
		return inflated.IOReadCloser(), nil
	}
	return io.NopCloser(text), nil
}
