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

// add gives a value a number of its own, whether it has others or not.
func (n *numbered[T]) add(value T, bytes *int64, size int) uint32 {
	n.values = append(n.values, n.clone(value))
	*bytes += int64(size)
	return uint32(len(n.values) - 1) //nolint:gosec // memory ends before 32 bits do
}

// order lists the numbers in the order of their values.
func (n *numbered[T]) order() []uint32 {
	order := make([]uint32, len(n.values))
	for i := range order {
		order[i] = uint32(i) //nolint:gosec // memory ends before 32 bits do
	}
	slices.SortFunc(order, func(a, b uint32) int { return n.compare(n.values[a], n.values[b]) })
	return order
}

func (n *numbered[T]) clear() {
	clear(n.numbers)
	clear(n.values)
	n.values = n.values[:0]
}

// rank merges the values of several parts, and tells the place of each number
// of each part among all values in order.
func rank[T comparable](parts []*tallyPart, of func(*tallyPart) *numbered[T]) (values []T, ranks [][]uint32) {
	orders := make([][]uint32, len(parts))
	parallel(len(parts), func(i int) { orders[i] = of(parts[i]).order() })
	ranks = make([][]uint32, len(parts))
	for i := range parts {
		ranks[i] = make([]uint32, len(orders[i]))
	}
	for {
		least := leastHead(parts, orders, of)
		if least < 0 {
			return values, ranks
		}
		n := of(parts[least])
		number := orders[least][0]
		if value := n.values[number]; len(values) == 0 || values[len(values)-1] != value {
			values = append(values, value)
		}
		ranks[least][number] = uint32(len(values) - 1) //nolint:gosec // memory ends before 32 bits do
		orders[least] = orders[least][1:]
	}
}

// leastHead is the part whose next value is the least; -1 if none has one left.
func leastHead[T comparable](parts []*tallyPart, orders [][]uint32, of func(*tallyPart) *numbered[T]) int {
	least := -1
	for i, order := range orders {
		if len(order) == 0 {
			continue
		}
		n := of(parts[i])
		if least < 0 || n.compare(n.values[order[0]], of(parts[least]).values[orders[least][0]]) < 0 {
			least = i
		}
	}
	return least
}
