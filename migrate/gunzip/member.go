package gunzip

import (
	"compress/gzip"
	"hash/crc32"
)

// What the flags of a head say.
const (
	hasSum = 1 << (1 + iota)
	hasExtra
	hasName
	hasComment
)

// A head is read byte by byte and summed up.
type head struct {
	*Reader

	sum uint32
	err error
}

func (h *head) byte() byte {
	if h.err != nil {
		return 0
	}
	var b byte
	if b, h.err = h.next(); h.err == nil {
		h.sum = crc32.Update(h.sum, crc32.IEEETable, []byte{b})
	}
	return b
}

func (h *head) number() int { return int(h.byte()) | int(h.byte())<<8 }

// text goes behind a text that ends with a zero. None is longer than others
// have it.
func (h *head) text() {
	for range 512 {
		if h.byte() == 0 {
			return
		}
	}
	h.err = gzip.ErrHeader
}

// member reads the head of a member. The error is [io.EOF] if there is none.
func (r *Reader) member() error {
	h := head{Reader: r}
	first := h.byte()
	if h.err != nil {
		return h.err
	}
	second, method, flags := h.byte(), h.byte(), h.byte()
	for range 6 { // its time, and by what it was made
		h.byte()
	}
	if h.err == nil && (first != 0x1f || second != 0x8b || method != 8) {
		return gzip.ErrHeader
	}
	if flags&hasExtra != 0 {
		for range h.number() {
			h.byte()
		}
	}
	if flags&hasName != 0 {
		h.text()
	}
	if flags&hasComment != 0 {
		h.text()
	}
	if want := int(uint16(h.sum)); flags&hasSum != 0 && h.number() != want && h.err == nil { //nolint:gosec // its lower half
		return gzip.ErrHeader
	}
	r.do, r.sum, r.size, r.oldest = (*Reader).block, 0, 0, r.n
	return unexpected(h.err)
}

// trailer compares the sum of a member.
func (r *Reader) trailer() error {
	r.add()
	r.bits, r.count = 0, 0
	var want [2]uint
	for i := range want {
		low, err := r.take(16)
		if err != nil {
			return err
		}
		high, err := r.take(16)
		if err != nil {
			return err
		}
		want[i] = low | high<<16
	}
	if want[0] != uint(r.sum) || want[1] != uint(r.size) {
		return gzip.ErrChecksum
	}
	r.do = (*Reader).member
	return nil
}
