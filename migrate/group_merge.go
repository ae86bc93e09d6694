package migrate

import (
	"sync"
	"time"

	"lockstep/schemas"
)

// drain moves what all workers have counted to the fold. None of them may be
// at work.
func (g *grouping) drain(f *Fold) {
	if g == nil {
		return
	}
	sums := make([][]tallyRow, len(g.workers))
	var running sync.WaitGroup
	for i, worker := range g.workers {
		running.Go(func() { sums[i] = worker.sum() })
	}
	running.Wait()
	for _, rows := range sums {
		f.takeGroups(rows)
	}
	g.full.Store(false)
}

// sum empties the table of a worker.
func (g *grouper) sum() (rows []tallyRow) {
	g.table.each(func(mark uint32, day *groupDay) {
		start := int64(day.day) * dayMS
		row := tallyRow{g.shapes[mark].key, schemas.Tally{
			Count: uint64(day.count), FirstMS: start + int64(day.first), LastMS: start + int64(day.last), Hours: day.hours,
		}}
		row.Day = utc(start + 1).Format(time.DateOnly)
		rows = append(rows, row)
	})
	g.table.clear()
	g.shapes = g.shapes[:0]
	return rows
}
