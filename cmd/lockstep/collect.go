package main

import "runtime/debug"

// garbagePerCent is how much garbage a proxy gathers before it collects, in
// per cent of what is live. The heap of a proxy is small and its garbage comes
// fast: with Go's 100, a tenth of the CPU time of a request is collection.
const garbagePerCent = 400

// easeCollector has a proxy collect less often, unless the user has said how
// often it should.
func (p *process) easeCollector() {
	if p.getenv("GOGC") == "" {
		debug.SetGCPercent(garbagePerCent)
	}
}
