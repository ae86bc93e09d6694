package migrate

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"

	"github.com/klauspost/compress/zstd"
)

// A scanWriter writes the parts of a scan file, and sums them up.
type scanWriter struct {
	out *bufio.Writer
	sum hash.Hash
	err error
}

func (w *scanWriter) write(p []byte) {
	if w.err != nil {
		return
	}
	w.sum.Write(p)
	_, w.err = w.out.Write(p)
}

// line writes a value as a line of JSON.
func (w *scanWriter) line(value any) {
	text, err := json.Marshal(value)
	if err != nil && w.err == nil {
		w.err = err
	}
	w.write(append(text, '\n'))
}

// frame writes a frame; an empty one ends the tallies.
func (w *scanWriter) frame(rows []byte) {
	w.write(binary.AppendUvarint(nil, uint64(len(rows))))
	w.write(rows)
}

// scanSize is how large a scan file is.
type scanSize struct {
	tallies, clients uint64
	packed, unpacked int64 // bytes
}

// writeScan writes a scan file: the header, which lacks only the number of the
// nodes, the nodes and the tallies of a fold.
func writeScan(ctx context.Context, to io.Writer, header scanHeader, nodes map[string]*nodeFold, tallies tallySource) (size scanSize, err error) {
	packed, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(scanWindow))
	if err != nil {
		return size, fmt.Errorf("pack the scan: %w", err)
	}
	count := &countingWriter{Writer: packed}
	w := &scanWriter{out: bufio.NewWriterSize(count, frameBytes), sum: sha256.New()}
	header.Kind, header.Version, header.Nodes = scanKind, scanVersion, len(nodes)
	w.line(header)
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		w.line(newScanNode(name, nodes[name]))
	}
	if size.tallies, size.clients, err = w.rows(ctx, tallies); err != nil {
		return size, err
	}
	w.line(newTrailer(size.tallies, [sha256.Size]byte(w.sum.Sum(nil))))
	for _, step := range []func() error{w.out.Flush, packed.Close} {
		if w.err == nil {
			w.err = step()
		}
	}
	size.unpacked = count.written
	return size, w.err
}

// rows writes all tallies, and counts them and the clients of each subject.
func (w *scanWriter) rows(ctx context.Context, tallies tallySource) (count, clients uint64, err error) {
	rows := newRowEncoder()
	var frame []byte
	var last tallyRow
	for row, err := range tallies.rows(ctx) {
		if err != nil {
			return 0, 0, err
		}
		if rows.count == 0 || row.Subject != last.Subject || row.Client != last.Client || row.How != last.How {
			clients++
			last = row
		}
		if frame = rows.append(frame, &row); len(frame) >= frameBytes {
			w.frame(frame)
			frame = frame[:0]
		}
	}
	if len(frame) > 0 {
		w.frame(frame)
	}
	w.frame(nil)
	return rows.count, clients, w.err
}

func newScanNode(name string, n *nodeFold) scanNode {
	node := scanNode{Name: name, State: n.nodeState, Seen: map[string]map[uint64][]byte{}}
	for boot, s := range n.boots {
		chunks := map[uint64][]byte{}
		for number, c := range s {
			chunks[number] = encodeRuns(c.runs)
		}
		node.Seen[boot] = chunks
	}
	return node
}

// A countingWriter counts what is written.
type countingWriter struct {
	io.Writer
	written int64
}

// Write implements [io.Writer].
func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.written += int64(n)
	return n, err //nolint:wrapcheck // it passes on what it wraps
}
