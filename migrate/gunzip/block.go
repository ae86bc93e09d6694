package gunzip

import "io"

// Kinds of blocks, RFC 1951, section 3.2.3.
const (
	blockStored = iota
	blockFixed
	blockDynamic
)

// block reads the head of a block.
func (r *Reader) block() error {
	if r.final {
		r.final, r.do = false, (*Reader).trailer
		return nil
	}
	v, err := r.take(3)
	if err != nil {
		return err
	}
	r.final = v&1 != 0
	switch v >> 1 {
	case blockStored:
		return r.beginStored()
	case blockFixed:
		r.do = (*Reader).symbols
		r.lengths.build(fixedLengths(), lengthMeanings())
		r.distances.build(fixedDistances(), distanceMeanings())
		return nil
	case blockDynamic:
		r.do = (*Reader).symbols
		return r.readCodes()
	}
	return r.corrupt()
}

// beginStored reads how long a block is that is not packed.
func (r *Reader) beginStored() error {
	r.bits, r.count = 0, 0 // it begins with a byte
	size, err := r.take(16)
	if err != nil {
		return err
	}
	inverse, err := r.take(16)
	if err != nil {
		return err
	}
	if size^inverse != 1<<16-1 {
		return r.corrupt()
	}
	r.stored, r.do = int(size), (*Reader).copyStored //nolint:gosec // 16 bits
	return nil
}

func (r *Reader) copyStored() error {
	for r.stored > 0 && r.n <= r.room() {
		if r.at == r.end {
			if err := r.more(); err != nil {
				return unexpected(err)
			}
		}
		n := copy(r.out[r.n:min(r.n+r.stored, len(r.out))], r.in[r.at:r.end])
		r.n, r.at, r.stored = r.n+n, r.at+n, r.stored-n
	}
	if r.stored == 0 {
		r.do = (*Reader).block
	}
	return nil
}

// symbols unpacks symbols of a block until it ends or there is no room.
func (r *Reader) symbols() error {
	for r.n <= r.room() {
		ended, err := false, error(nil)
		switch {
		case r.end-r.at >= 2*turnBytes:
			ended, err = r.inflate(r.end-turnBytes, r.room())
		case r.last:
			ended, err = r.lastSymbols()
		default:
			err = unexpected(r.more())
		}
		if ended && err == nil {
			r.do = (*Reader).block
		}
		if ended || err != nil {
			return err
		}
	}
	return nil
}

// symbolBytes is how many bytes a length and a distance have at most.
const symbolBytes = 6

// lastSymbols unpacks a few symbols. What comes behind the last byte of all is
// not there, and what would be understood of it does not count.
func (r *Reader) lastSymbols() (ended bool, err error) {
	before := r.n
	ended, err = r.inflate(len(r.in)-turnBytes, before)
	if r.at > r.end || err != nil && r.end-r.at < symbolBytes {
		r.n, err = before, io.ErrUnexpectedEOF
	}
	return ended, err
}
