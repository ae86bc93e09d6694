package migrate

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"
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
		n.values = append(n.values, value)
		*bytes += int64(size)
	}
	n.last = number
	return number
}

// add gives a value a number of its own, whether it has others or not.
func (n *numbered[T]) add(value T, bytes *int64, size int) uint32 {
	n.values = append(n.values, n.clone(value))
	*bytes += int64(size)
	return uint32(len(n.values) - 1) //nolint:gosec // memory ends before 32 bits do
}

func (n *numbered[T]) clear() {
	clear(n.numbers)
	clear(n.values)
	n.values = n.values[:0]
}

// rank merges the values of several parts, and tells the place of each number
// of each part among all values in order.
func rank[T comparable](parts [][]T, order func([]T) []uint32) (values []T, ranks [][]uint32) {
	united, ranks := unite(parts)
	values, places := make([]T, len(united)), make([]uint32, len(united))
	for place, number := range order(united) {
		values[place], places[number] = united[number], uint32(place) //nolint:gosec // memory ends before 32 bits do
	}
	for _, numbers := range ranks {
		for i, number := range numbers {
			numbers[i] = places[number]
		}
	}
	return values, ranks
}

// unite numbers the values of several parts anew, those that are the same as one.
func unite[T comparable](parts [][]T) (values []T, numbers [][]uint32) {
	most := 0
	for _, part := range parts {
		most = max(most, len(part))
	}
	known := make(map[T]uint32, most)
	values = make([]T, 0, most)
	for _, part := range parts {
		own := make([]uint32, len(part))
		for i, value := range part {
			number, ok := known[value]
			if !ok {
				number = uint32(len(values)) //nolint:gosec // memory ends before 32 bits do
				known[value], values = number, append(values, value)
			}
			own[i] = number
		}
		numbers = append(numbers, own)
	}
	return values, numbers
}

// orderTexts orders texts by eight bytes at once where those tell them apart:
// behind what all of them begin with.
func orderTexts(texts []string) []uint32 {
	type text struct {
		head   uint64
		number uint32
	}
	begin := commonStart(texts)
	keys := make([]text, len(texts))
	for i := range texts {
		var head [8]byte
		copy(head[:], texts[i][begin:])
		keys[i] = text{binary.BigEndian.Uint64(head[:]), uint32(i)} //nolint:gosec // memory ends before 32 bits do
	}
	slices.SortFunc(keys, func(a, b text) int {
		if a.head != b.head {
			return cmp.Compare(a.head, b.head)
		}
		return strings.Compare(texts[a.number], texts[b.number])
	})
	order := make([]uint32, len(keys))
	for i, key := range keys {
		order[i] = key.number
	}
	return order
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
