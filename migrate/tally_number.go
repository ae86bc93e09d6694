package migrate

import "slices"

// numbered gives values numbers, in the order in which they first come.
type numbered[T comparable] struct {
	values  []T
	numbers map[T]uint32
	last    uint32 // that was asked for: most lines are like the one before
	clone   func(T) T
	compare func(a, b T) int
}

func newNumbered[T comparable](clone func(T) T, compare func(a, b T) int) numbered[T] {
	return numbered[T]{numbers: map[T]uint32{}, clone: clone, compare: compare}
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

// ranks is the place of each number among the values in order.
func (n *numbered[T]) ranks() []int {
	order := make([]int, len(n.values))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return n.compare(n.values[a], n.values[b]) })
	ranks := make([]int, len(order))
	for rank, number := range order {
		ranks[number] = rank
	}
	return ranks
}

func (n *numbered[T]) clear() {
	clear(n.numbers)
	clear(n.values)
	n.values = n.values[:0]
}
