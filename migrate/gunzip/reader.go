// Package gunzip unpacks what gzip packs, some two times as fast as packages
// that promise to read no more than they need: that has them take each byte by
// itself. It does not check less.
package gunzip

import (
	"compress/flate"
	"errors"
	"hash/crc32"
	"io"
)

const (
	window    = 32 << 10  // how far back text may be repeated
	inBytes   = 64 << 10  // that are read at once
	textBytes = 128 << 10 // that are unpacked at once
)

// A Reader unpacks a stream of gzip members, as RFC 1952 has them.
type Reader struct {
	src io.Reader
	err error               // what comes when all text is given
	do  func(*Reader) error // the next step

	in     [inBytes + 2*turnBytes]byte // with zeros behind the last byte of all
	end    int
	last   bool  // there is no more behind the end
	before int64 // bytes of the source that are not in the buffer any more
	stream       // where it is read, with less than a byte's bits between steps

	out    []byte // text, and what is before it
	given  int    // up to which it was read
	n      int    // up to which it is unpacked
	oldest int    // from which it may be repeated
	summed int    // up to which it is in the sum
	sum    uint32
	size   uint32

	final              bool // the block is the last one of its member
	stored             int  // bytes to be copied
	lengths, distances table
	codes              table // that of lengths of codes
}

// NewReader reads the head of a stream.
func NewReader(src io.Reader) (*Reader, error) {
	r := &Reader{
		src: src, out: make([]byte, window+textBytes+turnText),
		lengths: newTable(lengthBits, lengthRoom), distances: newTable(distanceBits, distanceRoom), codes: newTable(codeBits, 1<<codeBits),
	}
	if err := r.member(); err != nil {
		return nil, err
	}
	return r, nil
}

// Read implements [io.Reader].
func (r *Reader) Read(p []byte) (int, error) {
	for r.given == r.n && len(p) > 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.fill()
	}
	n := copy(p, r.out[r.given:r.n])
	r.given += n
	return n, nil
}

// Close implements [io.Closer]. It leaves the source open.
func (r *Reader) Close() error { return nil }

// fill unpacks until there is no room. All was given that is there.
func (r *Reader) fill() error {
	if gone := r.n - window; gone > 0 {
		copy(r.out, r.out[gone:r.n])
		r.given, r.n, r.summed, r.oldest = window, window, window, max(r.oldest-gone, 0)
	}
	var err error
	for err == nil && r.n <= r.room() {
		err = r.do(r)
	}
	r.add()
	return err
}

// room is up to where text may reach before a step.
func (r *Reader) room() int { return len(r.out) - turnText }

// add takes the text into the sum.
func (r *Reader) add() {
	text := r.out[r.summed:r.n]
	r.sum = crc32.Update(r.sum, crc32.IEEETable, text)
	r.size += uint32(len(text)) //nolint:gosec // that is how it is counted
	r.summed = r.n
}

// more reads on. The error is [io.EOF] if there is no more.
func (r *Reader) more() error {
	if r.last {
		return io.EOF
	}
	r.before += int64(r.at)
	r.end = copy(r.in[:], r.in[r.at:r.end])
	r.at = 0
	n, err := r.src.Read(r.in[r.end:inBytes])
	r.end += n
	if errors.Is(err, io.EOF) {
		r.last = true
		clear(r.in[r.end:])
		err = nil
	}
	return err //nolint:wrapcheck // it passes on what it reads
}

// corrupt says where the stream cannot be understood.
func (r *Reader) corrupt() error {
	return flate.CorruptInputError(r.before + int64(r.at))
}

// unexpected is what the end of the source means within a member.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// take returns so many bits, at most 16.
func (r *Reader) take(count uint) (uint, error) {
	for r.count < count {
		b, err := r.next()
		if err != nil {
			return 0, unexpected(err)
		}
		r.bits |= uint64(b) << r.count
		r.count += 8
	}
	v := uint(r.bits & (1<<count - 1))
	r.bits >>= count
	r.count -= count
	return v, nil
}

// next returns the next byte. The error is [io.EOF] if there is none.
func (r *Reader) next() (byte, error) {
	for r.at == r.end {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	r.at++
	return r.in[r.at-1], nil
}
