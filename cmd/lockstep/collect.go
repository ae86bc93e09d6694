package main

import "runtime/debug"

// garbagePerCent is how much garbage a proxy gathers before it collects, in
// per cent of what is live. The heap of a proxy is small and its garbage comes
// fast: with Go's 100, a tenth of the CPU time of a request is collection.
const garbagePerCent = 400

// besideTallies is what a fold takes in the heap besides its budget: blocks of
// logs on their way, and what unpacks them. The program itself takes some
// 20 MiB more, so that the process stays within its budget and 64 MiB.
const besideTallies = 40 << 20

// boundCollector has a fold keep within its budget for tallies, in bytes, and
// collect no more often than that takes, unless the user has said how often it
// should.
func (p *process) boundCollector(budget int64) {
	if p.getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(budget + besideTallies)
	}
	p.easeCollector()
}

// easeCollector has a proxy or a fold collect less often, unless the user has said how
// often it should.
func (p *process) easeCollector() {
	if p.getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePerCent)
	}
}
