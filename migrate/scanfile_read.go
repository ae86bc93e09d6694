package migrate

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/klauspost/compress/zstd"

	"lockstep/schemas"
)

// A scanReader reads a scan file. Its methods are called in the order of the
// parts: [openScan] has read the header, then come the nodes and the rows.
type scanReader struct {
	header scanHeader

	path   string
	close  func() error
	in     *bufio.Reader // unpacked
	sum    hash.Hash
	rows   rowDecoder
	frame  []byte
	ended  bool
	known  map[string]bool // nodes; false for those whose tallies are left out
	counts []bool          // by rest, whether its tallies count
}

// openScan opens a scan file of this version.
func openScan(path string) (*scanReader, error) {
	// Without O_NONBLOCK, opening a FIFO would wait.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read scan: %w", err)
	}
	packed, err := zstd.NewReader(file, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8*scanWindow))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read scan %s: %w", path, err), file.Close())
	}
	r := newScanReader(path, packed)
	r.close = func() error {
		packed.Close()
		return file.Close()
	}
	if err := r.readHeader(); err != nil {
		return nil, errors.Join(err, r.close())
	}
	return r, nil
}

// newScanReader reads a scan that is unpacked.
func newScanReader(path string, text io.Reader) *scanReader {
	return &scanReader{path: path, in: bufio.NewReaderSize(text, frameBytes), sum: sha256.New(), known: map[string]bool{}}
}

// readHeader tells other files and versions from those that are damaged.
func (r *scanReader) readHeader() error {
	text, err := r.line()
	var is struct {
		Kind    string `json:"kind"`
		Version int    `json:"version"`
	}
	switch {
	case errors.Is(err, zstd.ErrMagicMismatch), err == nil && (json.Unmarshal(text, &is) != nil || is.Kind != scanKind):
		return schemas.Hint(fmt.Errorf("scan %s: it is no scan", r.path), "logs are read with --logs; `lockstep migrate scan` makes a scan of them")
	case err != nil:
		return scanFault(r.path, err)
	case is.Version != scanVersion:
		return schemas.Hint(fmt.Errorf("scan %s: it has version %d, and this lockstep reads version %d", r.path, is.Version, scanVersion),
			"scan and merge with the same version of lockstep")
	}
	if err := strictJSON(text, &r.header); err != nil {
		return scanFault(r.path, errors.New("its header is broken, or of another lockstep"))
	}
	return nil
}

// strictJSON reads a line that has nothing unknown: it might matter.
func strictJSON(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err //nolint:wrapcheck // the caller has better words
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is text behind it")
	}
	return nil
}

// line reads a line, and sums it up.
func (r *scanReader) line() ([]byte, error) {
	var text []byte
	for {
		part, err := r.in.ReadSlice('\n')
		text = append(text, part...)
		switch {
		case err == nil:
			r.sum.Write(text)
			return text, nil
		case len(text) > maxScanLine:
			return nil, errors.New("a line of it is too long")
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, scanCut(err)
		}
	}
}

// scanCut names the end of a file that should go on.
func scanCut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errScanCut
	}
	return err
}

// nodes reads the nodes.
func (r *scanReader) nodes(each func(name string, n *nodeFold) error) error {
	for range r.header.Nodes {
		text, err := r.line()
		if err != nil {
			return scanFault(r.path, err)
		}
		var line scanNode
		if err := strictJSON(text, &line); err != nil {
			return scanFault(r.path, errNodeBroken)
		}
		n, err := line.fold()
		if err != nil {
			return scanFault(r.path, err)
		}
		r.known[line.Name] = true
		if err := each(line.Name, n); err != nil {
			return err
		}
	}
	return nil
}

var errNodeBroken = errors.New("what it says of a node is broken")

// whole reports whether nothing of a state is null.
func (s *nodeState) whole() bool {
	for _, said := range s.Said {
		if said == nil {
			return false
		}
	}
	for _, life := range s.Lives {
		if life == nil {
			return false
		}
	}
	for _, chain := range s.Chains {
		if chain == nil || len(chain.Chain) == 0 {
			return false
		}
	}
	return true
}

// fold is what was seen of the node.
func (l *scanNode) fold() (*nodeFold, error) {
	if !l.State.whole() {
		return nil, errNodeBroken
	}
	n := newNodeFold()
	n.merge(&nodeFold{nodeState: l.State})
	for boot, chunks := range l.Seen {
		n.boots[boot] = sequence{}
		for number, blob := range chunks {
			runs, err := decodeRuns(blob)
			if err != nil || !inOrder(runs, number) {
				return nil, errNodeBroken
			}
			n.boots[boot][number] = &chunk{runs: runs}
		}
	}
	return n, nil
}

// next returns the next row that counts. What comes after the last one is
// judged, too: the file is as it was written only if false and no error are
// returned.
func (r *scanReader) next() (tallyRow, error, bool) { //nolint:revive // the order of [iter.Pull2]
	for !r.ended {
		if err := r.advance(); err != nil {
			return tallyRow{}, scanFault(r.path, err), true
		}
		if !r.ended && r.counts[r.rows.place] {
			return r.rows.row, nil, true
		}
	}
	return tallyRow{}, nil, false
}

// advance goes on to the next row, or ends.
func (r *scanReader) advance() error {
	if len(r.rows.rest) == 0 {
		if err := r.nextFrame(); err != nil || r.ended {
			return err
		}
	}
	if err := r.rows.next(); err != nil {
		return err
	}
	if len(r.counts) == len(r.rows.rests) {
		return nil
	}
	node, _, _ := strings.Cut(r.rows.row.Node, copyMark)
	counts, known := r.known[node]
	if !known || !slices.Contains(r.header.Fold.Environments, r.rows.row.Environment) {
		return errors.New("a tally is of a node or an environment that it does not know")
	}
	r.counts = append(r.counts, counts)
	return nil
}

func (r *scanReader) nextFrame() error {
	n, err := binary.ReadUvarint(r.in)
	switch {
	case err != nil:
		return scanCut(err)
	case n > maxScanFrame:
		return errors.New("its tallies are broken")
	case uint64(cap(r.frame)) < n:
		r.frame = make([]byte, n)
	}
	r.frame = r.frame[:n]
	if _, err := io.ReadFull(r.in, r.frame); err != nil {
		return scanCut(err)
	}
	r.sum.Write(binary.AppendUvarint(nil, n))
	r.sum.Write(r.frame)
	r.rows.rest = r.frame
	if n == 0 {
		return r.end()
	}
	return nil
}

// end holds what was read against the trailer.
func (r *scanReader) end() error {
	want := newTrailer(r.rows.count, [sha256.Size]byte(r.sum.Sum(nil)))
	text, err := r.line()
	if err != nil {
		return err
	}
	var trailer scanTrailer
	if strictJSON(text, &trailer) != nil || trailer != want {
		return errors.New("it was altered: its tallies are not those that were written")
	}
	if _, err := r.in.ReadByte(); !errors.Is(err, io.EOF) {
		return errors.New("there is something behind its end")
	}
	r.ended = true
	return nil
}
