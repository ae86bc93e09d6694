package migrate

// A lineWorker is the part of a worker in a [lineCount]: it knows the numbers
// of names as they are written in lines.
type lineWorker struct {
	*lineCount

	subjects texts
	clients  texts

	// Of the file that is being read.
	file    string
	kinds   [256]lineKindNumber // 0 if nobody knows yet
	threads texts

	counted int64 // bytes of texts

	// Of the lines that are being counted.
	hashes []uint64
	order  []uint32
	shares []partShare
}

func newLineWorker(c *lineCount) *lineWorker {
	return &lineWorker{lineCount: c, subjects: newTexts(), clients: newTexts(), threads: newTexts()}
}

// parse implements [blockCounter].
func (w *lineWorker) parse(b *batch, opts *Options) {
	w.countDecided()
	if w.file != b.whose {
		w.file, w.kinds = b.whose, [256]lineKindNumber{}
		w.threads.clear()
	}
	if !b.scanLines(w, opts) {
		w.forget() // what such lines mean
		b.parseText(opts)
	}
	w.weigh(&w.counted, w.subjects.bytes+w.clients.bytes+w.threads.bytes)
}

// forget forgets all numbers.
func (w *lineWorker) forget() {
	w.file, w.kinds = "", [256]lineKindNumber{}
	w.subjects.clear()
	w.clients.clear()
	w.threads.clear()
}

// number adds a line to those of a block, with numbers in place of its texts. It
// reports false if the line has to be read in full.
func (w *lineWorker) number(b *batch, l *Line) bool {
	subject, ok := w.subjectOf(b, l)
	if !ok {
		return false
	}
	kind := w.kinds[l.Kind]
	if kind == 0 {
		r := w.meaning(b, l)
		kind = w.kindNumber(&r)
		w.kinds[l.Kind] = kind
	}
	if kind == foreign {
		b.Ignored++
		return true
	}
	b.lines = append(b.lines, countedLine{})
	line := &b.lines[len(b.lines)-1] // filled in place: a copy would have to wait for what was written last
	line.ms, line.kind = l.TimeMS, kind
	line.who = numberOf(subject, w.clientOf(b, l))
	if line.paired() {
		line.thread = w.threadOf(b, l)
	}
	return true
}

// meaning is the record of a line that has one, as its subject is known.
func (w *lineWorker) meaning(b *batch, l *Line) Record {
	r, _ := w.reads.Meaning(b.whose, b.block.Text, l)
	return r
}

func (w *lineWorker) subjectOf(b *batch, l *Line) (number uint32, ok bool) {
	n, ok := w.subjects.find(b.block.Text, l.Subject)
	if !ok {
		r, understood := w.reads.Meaning(b.whose, b.block.Text, l)
		if !understood {
			return 0, false
		}
		n = w.subjects.add(b.block.Text, l.Subject, uint64(w.callers.subject(r.Event.Subject)))
	}
	return uint32(n), true //nolint:gosec // it was one
}

func (w *lineWorker) clientOf(b *batch, l *Line) uint64 {
	if l.IsAddress {
		return uint64(l.Address)
	}
	n, ok := w.clients.find(b.block.Text, l.Client)
	if !ok {
		n = w.clients.add(b.block.Text, l.Client, w.callers.client(w.meaning(b, l).Event.Client))
	}
	return n
}

func (w *lineWorker) threadOf(b *batch, l *Line) uint32 {
	n, ok := w.threads.find(b.block.Text, l.Thread)
	if !ok {
		n = w.threads.add(b.block.Text, l.Thread, uint64(w.threadNumber(w.meaning(b, l).Thread)))
	}
	return uint32(n) //nolint:gosec // it was one
}

// countDecided counts lines of which the fold has said that they count.
func (w *lineWorker) countDecided() {
	for {
		lines, ok := w.next()
		if !ok {
			return
		}
		w.count(lines)
		w.pool.put(lines)
	}
}

// A partShare is the lines of a block that a part counts.
type partShare struct {
	*linePart

	lines []uint32
}

// count counts lines, part by part.
func (w *lineWorker) count(lines []countedLine) {
	w.share(lines)
	inTurns(w.shares, func(s partShare) { s.add(lines, w.hashes, s.lines) })
}

// share finds out which part counts which lines.
func (w *lineWorker) share(lines []countedLine) {
	var ends [maxParts]int
	w.hashes, w.order, w.shares = w.hashes[:0], append(w.order[:0], make([]uint32, len(lines))...), w.shares[:0]
	for i := range lines {
		hash := w.hash(lines[i].who, lines[i].kind)
		w.hashes = append(w.hashes, hash)
		ends[partOf(hash, len(w.parts))]++
	}
	at := 0
	for i, p := range w.parts {
		count := ends[i]
		ends[i] = at
		at += count
		w.shares = append(w.shares, partShare{p, w.order[at-count : at]})
	}
	for i, hash := range w.hashes {
		end := &ends[partOf(hash, len(w.parts))]
		w.order[*end] = uint32(i) //nolint:gosec // blocks are small
		*end++
	}
}

// hash is that of a caller and a kind; its first bits are the part of the client.
func (c *lineCount) hash(who callerNumber, kind lineKindNumber) uint64 {
	client := mix(c.seed, who.client())
	return client>>partShift<<partShift | mix(client, uint64(who.subject())<<32|uint64(kind))>>(64-partShift)
}
