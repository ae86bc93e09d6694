package migrate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"

	"lockstep/schemas"
)

// maxPasses is how often logs are listed anew because some were renamed, packed
// or truncated before all of them was read.
const maxPasses = 50

// Blocks implements [Source]. Logs that move while they are waited for or read
// are found again, by what is in them, and read on from where that was.
func (f *Files) Blocks(ctx context.Context) iter.Seq2[Block, error] {
	return func(yield func(Block, error) bool) {
		for range maxPasses {
			if err := f.place(); err != nil {
				yield(Block{}, err)
				return
			}
			r := reading{f, false}
			if !r.all(ctx, yield) {
				return
			}
			if !r.moved && !f.late() {
				if err := f.lost(); err != nil {
					yield(Block{}, err)
				}
				return
			}
			f.remember()
			if err := f.find(); err != nil {
				yield(Block{}, err)
				return
			}
		}
		yield(Block{}, schemas.Hint(errors.New("read logs: they are given other names all the time"), "try again when no rotation is going on"))
	}
}

// A reading is one pass over logs.
type reading struct {
	*Files

	moved bool // some log was not, or did not stay, where it was found
}

// all reads all logs; false means to stop.
func (r *reading) all(ctx context.Context, yield func(Block, error) bool) bool {
	for logs := r.logs; len(logs) > 0; {
		count, goOn := 1, true
		switch log := logs[0]; {
		case log.state != logUnread:
			r.read.Add(log.size)
		case log.packed:
			count = r.sideBySide(logs)
			goOn = r.packed(ctx, logs[:count], yield)
		default:
			goOn = r.log(ctx, log, yield)
		}
		if !goOn {
			return false
		}
		logs = logs[count:]
	}
	return true
}

// log yields the blocks of one log; false means to stop.
func (r *reading) log(ctx context.Context, log *logFile, yield func(Block, error) bool) bool {
	text, err := r.reopen(log)
	if err != nil {
		return yield(Block{}, err)
	}
	if text == nil {
		r.moved = true
		return true
	}
	defer text.Close()
	blocks := blockReader{in: log.limited(text), pool: &r.pool, at: log.from, begins: r.begins}
	for {
		block, err := blocks.next()
		if err == nil {
			err = ctx.Err()
		}
		if !log.intact(text, max(block.end.Offset, log.from.Offset)) {
			r.cut(log)
			return true
		}
		if errors.Is(err, io.EOF) {
			log.state, log.ended = logRead, true
			return true
		}
		if err != nil {
			return yield(Block{}, fmt.Errorf("read %s: %w", log.path, err))
		}
		block.File, block.log, log.from = log.path, log, block.end
		if !yield(block, nil) {
			return false
		}
		if block.Open { // the rest of it is for the next run
			log.state, log.ended = logRead, true
			return true
		}
	}
}

// reopen opens a log where reading it goes on; nothing is returned if it is
// not any more what was found under its name.
func (r *reading) reopen(log *logFile) (io.ReadCloser, error) {
	now := *log
	text, err := now.openAt(&r.read, log.from.Offset)
	switch {
	case !errors.Is(err, fs.ErrNotExist) && now.isOf(log) && (err != nil || now.begun(text) && now.isClear(log)):
		*log = now
		return text, err
	case text != nil:
		return nil, text.Close()
	}
	return nil, nil //nolint:nilnil // it is somewhere else
}

// isOf reports whether a log that was opened anew can be the one that was found.
// What was empty, or began to be packed, may have become anything. Standard input
// is always that, and was not looked into before.
func (l *logFile) isOf(found *logFile) bool {
	unclear := found.head == "" || found.torn
	same := l.id == found.id && l.packed == found.packed
	return l.stdin != nil || same && (l.size == found.size || l.size > found.size && !unclear)
}

// incomplete reports whether a packed log ended too early since it was still
// being written when it was opened.
func (l *logFile) incomplete(err error) bool {
	l.torn = errors.Is(err, io.ErrUnexpectedEOF)
	return l.torn && !l.isStill(l.path)
}

// isClear reports whether it could be told when a log was found whether it is a
// copy: one that was empty, and has got its first lines just now, may be one.
func (l *logFile) isClear(found *logFile) bool {
	return found.head != "" || l.head == "" || l.stdin != nil
}

// cut notes that a log was truncated while it was read. If there was something
// left to be read it has to be found elsewhere.
func (r *reading) cut(log *logFile) {
	log.state = logCut
	if log.from.Offset >= log.size {
		log.state = logRead
	}
	r.moved = true
}

// plainFile is the file behind the text of a log that is not packed.
func (l *logFile) plainFile(text io.ReadCloser) *os.File {
	u, ok := text.(*unpacked)
	if !ok || l.packed {
		return nil
	}
	file, _ := u.packed.(*os.File)
	return file
}

// begun makes sure that an open log begins as it did when it was found, and
// looks at its first bytes again, as there may be more of them.
func (l *logFile) begun(text io.ReadCloser) bool {
	file := l.plainFile(text)
	if file == nil {
		return true
	}
	head, err := l.readHead(io.NewSectionReader(file, 0, headBytes))
	if err != nil || !strings.HasPrefix(head, l.head) || isGzip(head) || isZstd(head) {
		return false
	}
	l.head = head
	return true
}

// limited leaves what comes for the next run if nobody can tell yet what kind
// of log it is: what has just begun may be a copy, or packed.
func (l *logFile) limited(text io.ReadCloser) io.Reader {
	if len(l.head) >= magicBytes || l.plainFile(text) == nil {
		return text
	}
	return io.LimitReader(text, int64(len(l.head))-l.from.Offset)
}

// intact reports whether a log that is being read still holds what was read of
// it up to end: a log that was truncated may have grown as long again.
func (l *logFile) intact(text io.ReadCloser, end int64) bool {
	file := l.plainFile(text)
	if file == nil {
		return true
	}
	info, err := file.Stat()
	if err != nil || info.Size() < end {
		return false
	}
	var room [headBytes]byte
	head := room[:len(l.head)]
	_, err = file.ReadAt(head, 0)
	return err == nil && string(head) == l.head
}
