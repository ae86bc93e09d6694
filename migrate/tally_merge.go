package migrate

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
)

func (k runKey) compare(other runKey) int {
	return cmp.Or(strings.Compare(k.subject, other.subject), strings.Compare(k.client, other.client))
}

// mergedRuns are runs as one source. To merge tallies of some clients is to
// sort those of all runs together.
type mergedRuns []*tallyRun

// mergeSpans is how many spans of runs are merged at once, about.
const mergeSpans = 16

// spans implements [spanned].
func (m mergedRuns) spans(context.Context) iter.Seq2[spanLoader, error] {
	var keys []runKey
	for _, run := range m {
		for i := range run.spans {
			keys = append(keys, run.spans[i].first)
		}
	}
	slices.SortFunc(keys, runKey.compare)
	return func(yield func(spanLoader, error) bool) {
		for len(keys) > 0 {
			first, end := keys[0], mergeSpans
			for end < len(keys) && keys[end] == first {
				end++ // it must begin with somebody else
			}
			var next *runKey
			if keys = keys[min(end, len(keys)):]; len(keys) > 0 {
				next = &keys[0]
			}
			if !yield(func(memory *spanMemory) (tallySpan, error) { return m.between(first, next, memory) }, nil) {
				return
			}
		}
	}
}

// rows implements [tallySource].
func (m mergedRuns) rows(ctx context.Context) iter.Seq2[tallyRow, error] {
	return rowsOfSpans(m.spans(ctx))
}

// Close implements [tallySource].
func (mergedRuns) Close() error { return nil }

// between merges the tallies of clients from one on and before another, or all that follow.
func (m mergedRuns) between(first runKey, next *runKey, memory *spanMemory) (tallySpan, error) {
	var lists []tallyList
	for _, run := range m {
		from, found := slices.BinarySearchFunc(run.spans, first, func(s runSpan, key runKey) int { return s.first.compare(key) })
		if !found {
			from = max(from-1, 0) // it may hold some
		}
		for _, s := range run.spans[from:] {
			if next != nil && s.first.compare(*next) >= 0 {
				break
			}
			span, err := run.load(s, &spanMemory{}) // with others beside it
			if err != nil {
				return tallySpan{}, err
			}
			lists = append(lists, tallyList{*span.texts, [][]tallyEntry{span.between(first, next)}})
		}
	}
	return memory.merge(lists), nil
}

// between are the tallies of clients from one on and before another.
func (s tallySpan) between(first runKey, next *runKey) []tallyEntry {
	place := func(key runKey) int {
		n, _ := slices.BinarySearchFunc(s.tallies, key, func(e tallyEntry, key runKey) int {
			return runKey{s.texts.subjects[e.subject], s.texts.clients[e.client]}.compare(key)
		})
		return n
	}
	to := len(s.tallies)
	if next != nil {
		to = place(*next)
	}
	return s.tallies[place(first):to]
}

// merge sorts lists together.
func (m *spanMemory) merge(lists []tallyList) tallySpan {
	texts, ranks := rankTexts(lists)
	blocks, count := cutBlocks(lists, ranks), 0
	for _, block := range blocks {
		count += len(block.tallies)
	}
	m.tallies = slices.Grow(m.tallies[:0], count)
	for _, block := range blocks {
		for i := range block.tallies {
			e := block.tallies[i]
			e.group = block.group(&e)
			m.tallies = append(m.tallies, e)
		}
	}
	m.sort(texts.bits())
	return tallySpan{texts, m.tallies}
}
