package gunzip

// codeBits is how many bits the codes of lengths of codes have at most.
const codeBits = 7

// readCodes reads the codes of a block, RFC 1951, section 3.2.7.
func (r *Reader) readCodes() error {
	v, err := r.take(14)
	if err != nil {
		return err
	}
	lengths, distances, codes := int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	if lengths > 286 || distances > 30 {
		return r.corrupt()
	}
	if err := r.readCodeCodes(codes); err != nil {
		return err
	}
	var all [286 + 30]uint8
	if err := r.readLengths(all[:lengths+distances]); err != nil {
		return err
	}
	if !r.lengths.build(all[:lengths], lengthMeanings()) || !r.distances.build(all[lengths:lengths+distances], distanceMeanings()) {
		return r.corrupt()
	}
	return nil
}

// readCodeCodes reads the codes by which those are written.
func (r *Reader) readCodeCodes(count int) error {
	var lengths [19]uint8
	for _, n := range codeOrder()[:count] {
		length, err := r.take(3)
		if err != nil {
			return err
		}
		lengths[n] = uint8(length) //nolint:gosec // 3 bits
	}
	var meaning [19]uint32
	for n := range meaning {
		meaning[n] = literal | uint32(n)<<valueShift //nolint:gosec // an index
	}
	if !r.codes.build(lengths[:], meaning[:]) {
		return r.corrupt()
	}
	return nil
}

// readLengths reads the lengths of codes, some of which are repeated.
func (r *Reader) readLengths(lengths []uint8) error {
	for n := 0; n < len(lengths); {
		code, err := r.code()
		if err != nil {
			return err
		}
		if code < 16 {
			lengths[n] = code
			n++
			continue
		}
		length, times, extra := uint8(0), 3, uint(3)
		switch {
		case code == 16 && n > 0:
			length, extra = lengths[n-1], 2
		case code == 16:
			return r.corrupt()
		case code == 18:
			times, extra = 11, 7
		}
		more, err := r.take(extra)
		if err != nil {
			return err
		}
		times += int(more) //nolint:gosec // 7 bits
		if times > len(lengths)-n {
			return r.corrupt()
		}
		for range times {
			lengths[n] = length
			n++
		}
	}
	return nil
}

// code reads the code of a length.
func (r *Reader) code() (uint8, error) {
	for {
		e := r.codes.entries[r.bits&(1<<codeBits-1)]
		length := uint(e & lengthMask)
		if length > 0 && length <= r.count {
			r.bits >>= length
			r.count -= length
			return uint8(e >> valueShift), nil //nolint:gosec // of 19
		}
		if r.count >= codeBits {
			return 0, r.corrupt()
		}
		b, err := r.next()
		if err != nil {
			return 0, unexpected(err)
		}
		r.bits |= uint64(b) << r.count
		r.count += 8
	}
}
