package pikolink

import "encoding/binary"

// frames follows the frames of yamux as they come in, to notice what the
// library keeps to itself: that the server wants to open no more streams. A
// frame (yamux spec, version 0) has a header of version, type, flags, stream
// and length, and with the type data as many bytes after it.
type frames struct {
	header [headerBytes]byte
	have   int    // of the header
	body   uint32 // bytes that are still to come
}

// headerBytes is the size of a header.
const headerBytes = 12

// The types of frames that matter here.
const (
	frameData   = 0
	frameWindow = 1
	frameGoAway = 3
)

// follow goes over the bytes that come next, and reports whether they hold a
// GoAway.
func (f *frames) follow(b []byte) (goAway bool) {
	for len(b) > 0 {
		if f.body > 0 {
			n := min(uint64(f.body), uint64(len(b)))
			f.body -= uint32(n) //nolint:gosec // at most itself
			b = b[n:]
			continue
		}
		n := copy(f.header[f.have:], b)
		f.have += n
		b = b[n:]
		if f.have < len(f.header) {
			return goAway
		}
		f.have = 0
		switch f.header[1] {
		case frameData:
			f.body = binary.BigEndian.Uint32(f.header[8:])
		case frameGoAway:
			goAway = true
		}
	}
	return goAway
}
