package runtime

// A reading is what the inputs said at one moment.
type reading struct {
	in  *inputs
	err error

	// Of one that was made while the inputs were still settling, in the hope
	// that they stay as they are:
	seen   *survey   // of just before
	good   *snapshot // that it was judged against
	next   *snapshot // what came out; nil if that is an error, or if there was nothing to judge
	refuse error
}

// maxReads is how often inputs are read that change meanwhile. After that they
// are taken as they are, each file whole, and soon looked at again.
const maxReads = 6

// read loads all inputs, each of them watched from before it was read. What it
// returns was on disk at one moment: the stamps of before and after are equal,
// and what stamps may not tell of yet reads the same twice. Where a file names
// new ones, they are not, and everything is read once more.
func (a *applier) read() *reading {
	for try := 1; ; try++ {
		a.seen = a.place()
		early := a.early
		a.early = nil
		if early != nil && a.holds(early) {
			return early
		}
		in, err := a.loadDisk()
		a.tried = in.names()
		if try == maxReads || a.still(in) && a.seen.equal(a.look()) {
			return &reading{in: in, err: err}
		}
	}
}

// prepare reads and judges inputs that look as in a survey but may not have
// settled yet. What comes of it is dropped without a trace if they change.
func (a *applier) prepare(now *survey) {
	r := &reading{seen: now, good: a.server.current.Load()}
	r.in, r.err = a.loadDisk()
	a.tried, a.early = r.in.names(), r
	if r.err == nil && a.rollback == nil && r.in.digest != r.good.version.Digest && r.in.digest != a.rejected {
		r.next, r.refuse = a.admit(r.in, r.good)
	}
}

// holds reports whether an early reading is what would be read now: the stamps
// are those of before it, and what stamps may not tell of reads the same.
func (a *applier) holds(early *reading) bool {
	return early.seen.equal(a.seen) && a.sameAgain(early.in)
}

// judge is [applier.admit] of what was read, unless that was done early.
func (a *applier) judge(was *reading, in *inputs, good *snapshot) (*snapshot, error) {
	if was.in == in && was.good == good && (was.next != nil || was.refuse != nil) {
		return was.next, was.refuse
	}
	return a.admit(in, good)
}

// still reports whether inputs that were changed a moment ago read the same
// again: a write within the same tick of the clock leaves the stamp as it was.
func (a *applier) still(in *inputs) bool {
	return a.seen.taken.Sub(a.changed) >= a.seen.grain() || a.sameAgain(in)
}

// sameAgain reads those inputs again of which no stamp tells for sure that they
// were not written to.
func (a *applier) sameAgain(in *inputs) bool {
	settled := a.seen.settled()
	for _, name := range in.names() {
		if settled(name) {
			continue
		}
		if !in.files[name].equal(contentOf(a.server.disk.read(name))) {
			return false
		}
	}
	return true
}
