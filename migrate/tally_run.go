package migrate

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"os"

	"lockstep/schemas"
)

// A tallyRun is a temporary file of rows in order. Its name is gone from the
// start, so that a crash leaves nothing behind.
type tallyRun struct {
	file  *os.File
	size  int64
	count int // of rows
}

// writeRun writes rows, which are in order, to a new run.
func writeRun(rows iter.Seq2[tallyRow, error]) (*tallyRun, error) {
	file, err := os.CreateTemp("", "lockstep-tallies-")
	if err != nil {
		return nil, fmt.Errorf("spill tallies: %w", err)
	}
	run := &tallyRun{file: file}
	if err := errors.Join(os.Remove(file.Name()), run.write(rows)); err != nil {
		return nil, errors.Join(fmt.Errorf("spill tallies: %w", err), file.Close())
	}
	return run, nil
}

func (r *tallyRun) write(rows iter.Seq2[tallyRow, error]) error {
	out := newRunWriter(r.file)
	for row, err := range rows {
		if err != nil {
			return err
		}
		if err := out.write(row); err != nil {
			return err
		}
	}
	err := out.Flush()
	r.size, r.count = out.size, out.count
	return err //nolint:wrapcheck // the caller says what is written
}

// A runWriter encodes rows, one behind the other.
type runWriter struct {
	*bufio.Writer

	before tallyRow
	line   []byte
	size   int64
	count  int
}

func newRunWriter(to io.Writer) *runWriter {
	return &runWriter{Writer: bufio.NewWriterSize(to, 32<<10)}
}

func (w *runWriter) write(row tallyRow) error {
	w.line = appendRow(w.line[:0], &row, &w.before)
	w.before = row
	w.size += int64(len(w.line))
	w.count++
	_, err := w.Write(w.line)
	return err //nolint:wrapcheck // the caller says what is written
}

// appendRow encodes a row: a bit for each text that is another one than in the
// row before, as most are not, those texts with their lengths, then numbers.
func appendRow(line []byte, row, before *tallyRow) []byte {
	changed := len(line)
	line = append(line, 0)
	same := before.texts()
	for i, text := range row.texts() {
		if *text != *same[i] {
			line[changed] |= 1 << i
			line = binary.AppendUvarint(line, uint64(len(*text)))
			line = append(line, *text...)
		}
	}
	line = binary.AppendUvarint(line, row.Count)
	line = binary.AppendVarint(line, row.FirstMS)
	line = binary.AppendVarint(line, row.LastMS)
	return binary.AppendUvarint(line, uint64(row.Hours))
}

// texts are the parts of the key, as a run and a store hold them.
func (r *tallyRow) texts() [8]*string {
	return [...]*string{
		&r.Subject, &r.Client, (*string)(&r.How), (*string)(&r.Outcome), (*string)(&r.Reason),
		&r.Day, &r.Node, &r.Environment,
	}
}

// rows reads the run from its start.
func (r *tallyRun) rows() iter.Seq2[tallyRow, error] {
	return func(yield func(tallyRow, error) bool) {
		in := runReader{Reader: bufio.NewReaderSize(io.NewSectionReader(r.file, 0, r.size), 64<<10)}
		for range r.count {
			if err := in.next(); err != nil {
				yield(tallyRow{}, fmt.Errorf("read spilled tallies: %w", err))
				return
			}
			if !yield(in.row, nil) {
				return
			}
		}
	}
}

// A runReader decodes rows. Texts that are the same as in the row before take
// no memory again.
type runReader struct {
	*bufio.Reader

	row  tallyRow
	text []byte
	err  error
}

// next decodes the next row.
func (r *runReader) next() error {
	changed, err := r.ReadByte()
	if err != nil {
		return err //nolint:wrapcheck // the caller says what is read
	}
	for i, text := range r.row.texts() {
		if changed>>i&1 != 0 {
			r.readText(text)
		}
	}
	numbers, _ := r.Peek(maxNumbers) // fewer near the end
	at := 0
	count := uvarint(numbers, &at)
	first, last := varint(numbers, &at), varint(numbers, &at)
	hours := uvarint(numbers, &at)
	r.row.Tally = schemas.Tally{Count: count, FirstMS: first, LastMS: last, Hours: uint32(hours)} //nolint:gosec // it was one when it was written
	if at > len(numbers) || hours > math.MaxUint32 {
		r.err = errors.Join(r.err, errors.New("it ends early, or is damaged"))
	}
	_, err = r.Discard(min(at, len(numbers)))
	return errors.Join(r.err, err)
}

func (r *runReader) readText(to *string) {
	n, err := binary.ReadUvarint(r)
	r.err = errors.Join(r.err, err)
	if r.err != nil || n > MaxLine { // a text is part of a line
		r.err = errors.Join(r.err, errors.New("a text is too long"))
		return
	}
	if uint64(cap(r.text)) < n {
		r.text = make([]byte, n)
	}
	r.text = r.text[:n]
	_, err = io.ReadFull(r.Reader, r.text)
	r.err = errors.Join(r.err, err)
	*to = string(r.text)
}

// maxNumbers is how many bytes the numbers of a row take at most.
const maxNumbers = 4 * binary.MaxVarintLen64

// uvarint decodes a number and moves behind it; behind the end if it is none.
func uvarint(from []byte, at *int) uint64 {
	n, size := binary.Uvarint(from[min(*at, len(from)):])
	if size <= 0 {
		size = len(from) + 1
	}
	*at += size
	return n
}

// varint is uvarint for a number with a sign.
func varint(from []byte, at *int) int64 {
	n := uvarint(from, at)
	return int64(n>>1) ^ -int64(n&1) //nolint:gosec // as binary.Varint does
}

func (r *tallyRun) close() error { return r.file.Close() } //nolint:wrapcheck // a file without a name
