package migrate

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"

	"lockstep/migrate/scan"
)

// numbered gives values numbers, in the order in which they first come.
type numbered[T comparable] struct {
	values  []T
	numbers map[T]uint32
	last    uint32 // that was asked for: most lines are like the one before
	clone   func(T) T
}

func newNumbered[T comparable](clone func(T) T) numbered[T] {
	return numbered[T]{numbers: map[T]uint32{}, clone: clone}
}

// number returns the number of a value. A new one is cloned, as it is part of
// a block that should not be kept alive, and adds its size to bytes.
func (n *numbered[T]) number(value T, bytes *int64, size int) uint32 {
	if int(n.last) < len(n.values) && n.values[n.last] == value {
		return n.last
	}
	number, ok := n.numbers[value]
	if !ok {
		value = n.clone(value)
		number = uint32(len(n.values)) //nolint:gosec // memory ends before 32 bits do
		n.numbers[value] = number
		n.append(value)
		*bytes += int64(size)
	}
	n.last = number
	return number
}

// add gives a value a number of its own, whether it has others or not.
func (n *numbered[T]) add(value T, bytes *int64, size int) uint32 {
	n.append(n.clone(value))
	*bytes += int64(size)
	return uint32(len(n.values) - 1) //nolint:gosec // memory ends before 32 bits do
}

// append doubles the room when there is none: to grow by a quarter leaves much
// more memory behind.
func (n *numbered[T]) append(value T) {
	if len(n.values) == cap(n.values) {
		n.values = slices.Grow(n.values, max(len(n.values), 8))
	}
	n.values = append(n.values, value)
}

func (n *numbered[T]) clear() {
	clear(n.numbers)
	clear(n.values)
	n.values = n.values[:0]
}

// rank merges the values of several parts, and tells the place of each number
// of each part among all values in order, those that are the same as one.
func rank[T comparable](parts [][]T, order func([]T) []uint32) (values []T, ranks [][]uint32) {
	var all []T
	if len(parts) == 1 {
		all = parts[0]
	} else {
		all = slices.Concat(parts...)
	}
	places := make([]uint32, len(all))
	values = make([]T, 0, len(all))
	for _, number := range order(all) {
		if last := len(values) - 1; last < 0 || values[last] != all[number] {
			values = append(values, all[number])
		}
		places[number] = uint32(len(values) - 1) //nolint:gosec // memory ends before 32 bits do
	}
	for _, part := range parts {
		ranks = append(ranks, places[:len(part)])
		places = places[len(part):]
	}
	return slices.Clip(values), ranks
}

// orderTexts orders texts by eight bytes at once where those tell them apart:
// behind what all of them begin with.
func orderTexts(texts []string) []uint32 {
	begin := commonStart(texts)
	sorter := refSorter{refs: make([]sortRef, len(texts))}
	for i := range texts {
		sorter.refs[i] = sortRef{headOf(texts[i][begin:]), uint32(i)} //nolint:gosec // memory ends before 32 bits do
	}
	sorter.sort()
	for rest := sorter.refs; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].key == rest[0].key {
			n++
		}
		if n > 1 {
			slices.SortFunc(rest[:n], func(a, b sortRef) int { return strings.Compare(texts[a.place], texts[b.place]) })
		}
		rest = rest[n:]
	}
	order := make([]uint32, len(texts))
	for i, ref := range sorter.refs {
		order[i] = ref.place
	}
	return order
}

// headOf is the first eight bytes of a text, as a number that compares as they do.
func headOf(text string) uint64 {
	if len(text) >= 8 {
		return bits.ReverseBytes64(scan.Load(text, 0))
	}
	var head [8]byte
	copy(head[:], text)
	return binary.BigEndian.Uint64(head[:])
}

// commonStart is how many bytes are the same at the start of all texts.
func commonStart(texts []string) (length int) {
	for i, text := range texts {
		if i == 0 {
			length = len(text)
		}
		length = min(length, len(text))
		for text[:length] != texts[0][:length] {
			length--
		}
	}
	return length
}
