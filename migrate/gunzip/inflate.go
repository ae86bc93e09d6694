package gunzip

import "encoding/binary"

// Sizes of tables. Nearly all codes end in the first parts; the other parts
// have room for as many codes as there are, of which no two begin a part alone.
const (
	lengthBits, distanceBits = 11, 9
	lengthRoom               = 1<<lengthBits + 286/2<<(longest-lengthBits)
	distanceRoom             = 1<<distanceBits + 30/2<<(longest-distanceBits)
)

// What one turn of [Reader.inflate] takes and yields at most, and how much text
// is copied at once.
const (
	turnBytes = 16
	turnText  = 2 + maxMatch + atOnce
	maxMatch  = 258
	atOnce    = 64
)

// inflate unpacks symbols of a block, until it ends, the input or the room
// does. Behind both limits there is enough for one turn.
func (r *Reader) inflate(inLimit, outLimit int) (ended bool, err error) {
	in, out, n, s, corrupt := r.in[:], r.out, r.n, r.stream, false
	lengths := (*[lengthRoom]uint32)(r.lengths.entries[:lengthRoom])
	distances := (*[distanceRoom]uint32)(r.distances.entries[:distanceRoom])
	for s.at <= inLimit && n <= outLimit {
		s = s.refill(in)
		e := lengths[s.bits%(1<<lengthBits)]
		if e&literal != 0 { // there are bits for two more codes
			out[n] = byte(e >> valueShift)
			n, s = n+1, s.drop(e)
			if e = lengths[s.bits%(1<<lengthBits)]; e&literal != 0 {
				out[n] = byte(e >> valueShift)
				n, s = n+1, s.drop(e)
				e = lengths[s.bits%(1<<lengthBits)]
			}
		}
		if e&longer != 0 {
			e = lengths[uint64(e>>valueShift)+s.bits>>lengthBits%(1<<(longest-lengthBits))]
		}
		if e&literal != 0 {
			out[n] = byte(e >> valueShift)
			n, s = n+1, s.drop(e)
			continue
		}
		if ended, corrupt = e&blockEnd != 0, e == 0; ended || corrupt {
			s = s.drop(e)
			break
		}
		var length, distance int
		length, s = s.value(e)
		s = s.refill(in)
		if e = distances[s.bits%(1<<distanceBits)]; e&longer != 0 {
			e = distances[uint64(e>>valueShift)+s.bits>>distanceBits%(1<<(longest-distanceBits))]
		}
		distance, s = s.value(e)
		if corrupt = e == 0 || distance > n-r.oldest; corrupt {
			break
		}
		if from := n - distance; distance >= 16 && length <= atOnce {
			copyAtOnce((*[atOnce]byte)(out[n:]), (*[atOnce]byte)(out[from:]))
		} else {
			repeat(out[from:n+length], distance)
		}
		n += length
	}
	r.n, r.stream = n, s.whole()
	if corrupt {
		return false, r.corrupt()
	}
	return ended, nil
}

// copyAtOnce copies text, and perhaps more than that. What was copied may be
// copied again 16 bytes later.
func copyAtOnce(to, from *[atOnce]byte) {
	*(*[16]byte)(to[:]) = *(*[16]byte)(from[:])
	*(*[16]byte)(to[16:]) = *(*[16]byte)(from[16:])
	*(*[16]byte)(to[32:]) = *(*[16]byte)(from[32:])
	*(*[16]byte)(to[48:]) = *(*[16]byte)(from[48:])
}

// repeat fills text behind a distance with what is before it.
func repeat(text []byte, distance int) {
	for n := distance; n < len(text); n *= 2 {
		copy(text[n:], text[:n])
	}
}

// A stream is a place among the bits of bytes.
type stream struct {
	bits  uint64 // that come next; behind those that are counted there may be others
	count uint
	at    int // the first byte that is not counted
}

// refill counts at least 56 bits. It reads eight bytes.
func (s stream) refill(in []byte) stream {
	s.bits |= binary.LittleEndian.Uint64(in[s.at:]) << (s.count % 64)
	s.at += int(63-s.count) >> 3 //nolint:gosec // no more than 63
	s.count |= 56
	return s
}

// drop goes behind the code of an entry.
func (s stream) drop(e uint32) stream {
	s.bits >>= e & lengthMask
	s.count -= uint(e & lengthMask)
	return s
}

// value goes behind the code of an entry and the bits that follow it, which are
// added to its value.
func (s stream) value(e uint32) (int, stream) {
	s = s.drop(e)
	extra := e >> extraShift & extraMask
	v := int(e>>valueShift) + int(s.bits&(1<<extra-1)) //nolint:gosec // 16 and 15 bits
	s.bits >>= extra
	s.count -= uint(extra)
	return v, s
}

// whole gives back whole bytes.
func (s stream) whole() stream {
	s.at -= int(s.count / 8) //nolint:gosec // no more than 8
	s.count %= 8
	s.bits &= 1<<s.count - 1
	return s
}
