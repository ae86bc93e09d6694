package migrate

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"lockstep/schemas"
)

// A tallyRun is a temporary file of rows in order. Its name is gone from the
// start, so that a crash leaves nothing behind.
type tallyRun struct {
	file *os.File
	size int64
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
	out := bufio.NewWriterSize(r.file, 64<<10)
	var line []byte
	for row, err := range rows {
		if err != nil {
			return err
		}
		line = appendRow(line[:0], &row)
		n, err := out.Write(line)
		r.size += int64(n)
		if err != nil {
			return err //nolint:wrapcheck // the caller says what is written
		}
	}
	return out.Flush() //nolint:wrapcheck // the caller says what is written
}

// appendRow encodes a row: texts with their lengths, then numbers.
func appendRow(line []byte, row *tallyRow) []byte {
	for _, text := range row.texts() {
		line = binary.AppendUvarint(line, uint64(len(*text)))
		line = append(line, *text...)
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
		for {
			more, err := in.next()
			if err != nil {
				yield(tallyRow{}, fmt.Errorf("read spilled tallies: %w", err))
				return
			}
			if !more || !yield(in.row, nil) {
				return
			}
		}
	}
}

// A runReader decodes rows. Texts that are the same as in the row before, as
// most are, take no memory again.
type runReader struct {
	*bufio.Reader
	row  tallyRow
	text []byte
	err  error
}

// next decodes the next row; false at the end of the run.
func (r *runReader) next() (bool, error) {
	if _, err := r.Peek(1); errors.Is(err, io.EOF) {
		return false, nil
	}
	for _, text := range r.row.texts() {
		r.readText(text)
	}
	r.row.Tally = schemas.Tally{
		Count: r.uvarint(), FirstMS: r.varint(), LastMS: r.varint(),
		Hours: uint32(r.uvarint()), //nolint:gosec // it was one when it was written
	}
	return true, r.err
}

func (r *runReader) readText(to *string) {
	n := r.uvarint()
	if r.err != nil || n > MaxLine { // a text is part of a line
		r.err = errors.Join(r.err, errors.New("a text is too long"))
		return
	}
	if uint64(cap(r.text)) < n {
		r.text = make([]byte, n)
	}
	r.text = r.text[:n]
	_, err := io.ReadFull(r.Reader, r.text)
	r.err = errors.Join(r.err, err)
	if string(r.text) != *to {
		*to = string(r.text)
	}
}

func (r *runReader) uvarint() uint64 {
	n, err := binary.ReadUvarint(r)
	r.err = errors.Join(r.err, err)
	return n
}

func (r *runReader) varint() int64 {
	n, err := binary.ReadVarint(r)
	r.err = errors.Join(r.err, err)
	return n
}

func (r *tallyRun) close() error { return r.file.Close() } //nolint:wrapcheck // a file without a name
