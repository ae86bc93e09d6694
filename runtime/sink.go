package runtime

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// sink appends events to the event log, one per line. It numbers them when
// they are written and not before, so that the numbers of a boot have no
// gaps whatever fails.
type sink struct {
	path string
	boot string
	seq  uint64 // of the last event written
	torn bool   // the file does not end with a line break

	maxBytes int64  // after which a file is put aside; 0: never
	stamp    string // of the last event written, for the name of a file that is put aside

	file eventFile
	open func(path string) (eventFile, error)
}

// eventFile is what the sink needs of an [os.File].
type eventFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
}

// newSink opens the event log at path, or in it if path is a directory.
func newSink(path, node, boot string) (*sink, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path = filepath.Join(path, "events-"+node+".jsonl")
	}
	s := &sink{path: path, boot: boot, open: openEvents}
	if err := s.reopen(); err != nil {
		return nil, err
	}
	if !beginsLikeEvents(s.file) {
		err := schemas.Hint(fmt.Errorf("open events %s: it holds something else", path), "name a file of its own, or a directory")
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// beginsLikeEvents tells an event log from a file that was named by mistake,
// such as the config, which events would spoil. A log may begin with what a
// crash or a rotation has left: zeros, or the break that ends a torn line.
func beginsLikeEvents(file eventFile) bool {
	first := []byte{0}
	_, err := file.ReadAt(first, 0)
	return err != nil || strings.ContainsRune("{\n\x00", rune(first[0]))
}

// openEvents opens a regular file. A pipe that nobody reads would block the
// writer for ever.
func openEvents(path string) (eventFile, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was opened
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("it is not a regular file")}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// write appends events, numbered and stamped with the boot. It returns how
// many of them are in the file, which are the first ones; the others have
// not been numbered and may be written later.
func (s *sink) write(events []schemas.Event) (written int, err error) {
	const chunk = 512
	for len(events) > 0 {
		if err := s.follow(); err != nil {
			return written, err
		}
		n, err := s.writeChunk(events[:min(chunk, len(events))])
		written += n
		if err != nil {
			return written, err
		}
		events = events[n:]
	}
	return written, nil
}

// writeChunk writes some events at once.
func (s *sink) writeChunk(events []schemas.Event) (written int, err error) {
	var buf bytes.Buffer
	if s.torn {
		buf.WriteByte('\n') // ends what a failed write has left
	}
	ends := make([]int, len(events))
	for i, e := range events {
		e.Boot, e.Seq = s.boot, s.seq+uint64(i)+1
		line, err := e.Line()
		if err != nil {
			return 0, err //nolint:wrapcheck // it names the event
		}
		buf.Write(line)
		ends[i] = buf.Len()
	}
	n, err := s.file.Write(buf.Bytes())
	written = s.finish(buf.Bytes()[:n], ends)
	s.seq += uint64(written)
	if written > 0 {
		s.stamp = events[written-1].Time().Format("20060102T150405Z")
	}
	if err != nil {
		return written, fmt.Errorf("write events: %w", err)
	}
	return written, nil
}

// finish counts the lines that were written, which end at ends. A part of one
// at the end is taken away again: nobody could read it, not even where all but
// its line break is there, if the file is put aside now. Where that cannot be,
// the next line begins with a line break.
func (s *sink) finish(text []byte, ends []int) (written int) {
	end := 0
	for written < len(ends) && len(text) >= ends[written] {
		end = ends[written]
		written++
	}
	if rest := len(text) - end; rest > 0 && !s.takeBack(int64(rest)) {
		if len(text) == ends[written]-1 {
			written++
		}
		end = len(text)
	}
	if end > 0 {
		s.torn = text[end-1] != '\n'
	}
	return written
}

// takeBack shortens the file by what was written last.
func (s *sink) takeBack(size int64) bool {
	info, err := s.file.Stat()
	return err == nil && info.Size() >= size && s.file.Truncate(info.Size()-size) == nil
}

// follow opens the path again if it no longer leads to the open file, as
// after a rotation by others, or if the file is full.
func (s *sink) follow() error {
	if s.file != nil {
		now, err := os.Stat(s.path)
		open, openErr := s.file.Stat()
		switch {
		case err != nil || openErr != nil || !os.SameFile(now, open):
		case s.maxBytes == 0 || open.Size() < s.maxBytes || !s.putAside():
			return nil
		}
	}
	return s.reopen()
}

// putAside renames the file by its last event: the time, and the number, which
// makes the name the only one of its kind. ok is false if that cannot be; the
// file grows on then, as counts that are kept are worth more than order.
func (s *sink) putAside() (ok bool) {
	ext := filepath.Ext(s.path)
	aside := fmt.Sprintf("%s-%s-%s-%d%s", strings.TrimSuffix(s.path, ext), cmp.Or(s.stamp, "before"), s.boot, s.seq, ext)
	if _, err := os.Lstat(aside); !errors.Is(err, fs.ErrNotExist) {
		return false
	}
	return os.Rename(s.path, aside) == nil
}

func (s *sink) reopen() error {
	closeErr := s.close()
	file, err := s.open(s.path)
	if err != nil {
		return errors.Join(fmt.Errorf("open events %s: %w", s.path, inputfile.Bare(err)), closeErr)
	}
	s.file = file
	s.torn, err = tornEnd(file)
	return errors.Join(err, closeErr)
}

// tornEnd reports whether a file ends in the middle of a line, as when a
// process before was killed while writing.
func tornEnd(file eventFile) (bool, error) {
	info, err := file.Stat()
	if err != nil {
		return false, fmt.Errorf("open events: %w", err)
	}
	if info.Size() == 0 {
		return false, nil
	}
	last := []byte{0}
	if _, err := file.ReadAt(last, info.Size()-1); err != nil {
		return false, fmt.Errorf("open events: %w", err)
	}
	return last[0] != '\n', nil
}

func (s *sink) close() error {
	if s.file == nil {
		return nil
	}
	file := s.file
	s.file = nil
	if err := file.Close(); err != nil {
		return fmt.Errorf("close events: %w", err)
	}
	return nil
}
