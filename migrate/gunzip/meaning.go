package gunzip

// newTable is an empty table with room for so many entries.
func newTable(bits uint, room int) table {
	return table{bits: bits, entries: make([]uint32, room)}
}

// codeOrder is the order in which the lengths of codes of lengths are written.
func codeOrder() []uint8 {
	return []uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
}

// lengthMeanings is what the codes of literals and lengths mean, RFC 1951,
// section 3.2.5. The last two mean nothing.
func lengthMeanings() []uint32 {
	meaning := make([]uint32, 288)
	for n := range uint32(256) {
		meaning[n] = literal | n<<valueShift
	}
	meaning[256] = blockEnd
	for n, value := uint32(257), uint32(3); n < 285; n++ {
		extra := max(n-257, 4)/4 - 1
		meaning[n] = value<<valueShift | extra<<extraShift
		value += 1 << extra
	}
	meaning[285] = maxMatch << valueShift
	return meaning
}

// distanceMeanings is what the codes of distances mean. The last two mean nothing.
func distanceMeanings() []uint32 {
	meaning := make([]uint32, 32)
	for n, value := uint32(0), uint32(1); n < 30; n++ {
		extra := max(n, 2)/2 - 1
		meaning[n] = value<<valueShift | extra<<extraShift
		value += 1 << extra
	}
	return meaning
}

// fixedLengths are the lengths of codes that are not written, RFC 1951, section 3.2.6.
func fixedLengths() []uint8 {
	lengths := make([]uint8, 288)
	for n := range lengths {
		switch {
		case n < 144, n >= 280:
			lengths[n] = 8
		case n < 256:
			lengths[n] = 9
		default:
			lengths[n] = 7
		}
	}
	return lengths
}

func fixedDistances() []uint8 {
	lengths := make([]uint8, 32)
	for n := range lengths {
		lengths[n] = 5
	}
	return lengths
}
