package runtime

import (
	goruntime "runtime"
	"testing"
	"time"
)

// TestMemoryIsGivenBack has the memory of a reading given back once edits have
// come to rest. It is not parallel, as others collect garbage too.
func TestMemoryIsGivenBack(t *testing.T) { //nolint:paralleltest // it counts what the process does
	w := newWorld(t, "8080")
	w.tune = func(s *Server) { s.pace.tidy = 10 * time.Millisecond }
	before := forced()
	w.start()
	w.eventually("collection", func() bool { return forced() > before })
	before = forced()
	w.replace("agent.yaml", agentConfig("8081"))
	w.applied(1)
	w.eventually("collection after an edit", func() bool { return forced() > before })
}

// forced is how often somebody has asked for a collection.
func forced() uint32 {
	var m goruntime.MemStats
	goruntime.ReadMemStats(&m)
	return m.NumForcedGC
}
