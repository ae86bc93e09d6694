package migrate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// readLines yields the lines of text; false means to stop.
func readLines(ctx context.Context, path string, text *bufio.Reader, yield func(Line, error) bool) bool {
	var buffer []byte
	for number := 1; ; number++ {
		if err := ctx.Err(); err != nil {
			return yield(Line{}, fmt.Errorf("read %s: %w", path, err))
		}
		var long bool
		var err error
		buffer, long, err = readLine(text, buffer[:0])
		ended := errors.Is(err, io.EOF)
		if err != nil && !ended {
			return yield(Line{}, fmt.Errorf("read %s: %w", path, err))
		}
		if ended && len(buffer) == 0 && !long {
			return true
		}
		line := Line{File: path, Number: number, Text: bytes.TrimSuffix(buffer, []byte("\r")), Long: long, Open: ended}
		if !yield(line, nil) {
			return false
		}
		if ended {
			return true
		}
	}
}

// readLine appends the next line to buffer, without its line break. Of a line
// that is too long it reads everything and keeps nothing. The error is
// [io.EOF] where the text ends before a line break.
func readLine(text *bufio.Reader, buffer []byte) (line []byte, long bool, err error) {
	for {
		part, err := text.ReadSlice('\n')
		if long = long || len(buffer)+len(part) > MaxLine+1; long { // one for the line break
			buffer = buffer[:0]
		} else {
			buffer = append(buffer, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return bytes.TrimSuffix(buffer, []byte("\n")), long, err //nolint:wrapcheck // io.EOF is part of the contract
		}
	}
}
