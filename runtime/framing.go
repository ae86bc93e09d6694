package runtime

import (
	"bytes"
	"strconv"
)

// framing follows the messages of an HTTP/1 connection, to see the lines of
// every header as they came. net/http hides what matters here: it drops the
// Content-Length of a chunked request, joins folded lines and drops the
// Transfer-Encoding of HTTP/1.0, where RFC 9112 (5.2, 6.1, 6.3) has a server
// refuse them, as the next one may find another end of the message.
//
// It reads no more than that. What net/http refuses on its own ends the
// connection, so from then on nothing needs to be followed.
type framing struct {
	at   place
	line []byte // begun in what was read before
	left int64  // bytes of the body or chunk that are still to come

	old   bool // the request is of HTTP/1.0
	sized bool // its header has a Content-Length
	coded bool // its header has a Transfer-Encoding
}

// place is where in a message the next byte belongs.
type place uint8

const (
	inStart place = iota // the request line
	inHeader
	inBody
	inChunkSize
	inChunk // with the line end after it
	inTrailer
	inNothing // followed no longer
)

// follow goes over the bytes that come next. Where they hold a line that has
// to be refused, it returns the number of bytes up to its end, and false.
func (f *framing) follow(b []byte) (n int, ok bool) {
	for n < len(b) && f.at != inNothing {
		if f.at == inBody || f.at == inChunk {
			n += f.skip(len(b) - n)
			continue
		}
		end := bytes.IndexByte(b[n:], '\n')
		if end < 0 {
			f.line = append(f.line, b[n:]...)
			return len(b), true
		}
		line := b[n : n+end]
		if len(f.line) > 0 {
			line = append(f.line, line...)
		}
		n += end + 1
		ok := f.next(bytes.TrimSuffix(line, []byte("\r")))
		f.line = f.line[:0]
		if !ok {
			return n, false
		}
	}
	return len(b), true
}

// skip passes over as much of a body or chunk as there is.
func (f *framing) skip(available int) int {
	n := min(f.left, int64(available))
	f.left -= n
	switch {
	case f.left > 0:
	case f.at == inChunk:
		f.at = inChunkSize
	default:
		f.at = inStart
	}
	return int(n)
}

// next takes a whole line; it reports whether it may pass.
func (f *framing) next(line []byte) bool {
	switch f.at {
	case inStart:
		f.start(line)
	case inHeader:
		return f.header(line)
	case inChunkSize:
		f.chunk(line)
	case inTrailer:
		if len(line) == 0 {
			f.at = inStart
		}
	case inBody, inChunk, inNothing: // have no lines
	}
	return true
}

// start takes a request line. Empty lines before it are for net/http to judge.
func (f *framing) start(line []byte) {
	if len(line) == 0 {
		return
	}
	*f = framing{at: inHeader, line: f.line, old: bytes.HasSuffix(line, []byte("/1.0"))}
	if bytes.HasPrefix(line, []byte("PRI ")) { // the preface of HTTP/2, which has frames of its own
		f.at = inNothing
	}
}

// header takes a line of a header; it reports whether it may pass.
func (f *framing) header(line []byte) bool {
	if len(line) == 0 {
		f.body()
		return true
	}
	switch line[0] {
	case ' ', '\t': // a folded line
		return false
	case 'C', 'c':
		if value, is := field(line, "content-length"); is {
			length, err := strconv.ParseUint(string(value), 10, 63)
			if err != nil {
				f.at = inNothing // net/http refuses it, too
			}
			f.left = int64(length) //nolint:gosec // of 63 bits
			again := f.sized || f.coded
			f.sized = true
			return !again
		}
	case 'T', 't':
		if _, is := field(line, "transfer-encoding"); is {
			bad := f.sized || f.coded || f.old
			f.coded = true // net/http refuses any but chunked
			return !bad
		}
	}
	return true
}

// field returns the value of a header line with this name, in lower case.
func field(line []byte, name string) (value []byte, is bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !bytes.EqualFold(line[:len(name)], []byte(name)) {
		return nil, false
	}
	return bytes.Trim(line[len(name)+1:], " \t"), true
}

// body finds out what follows a header.
func (f *framing) body() {
	switch {
	case f.coded:
		f.at = inChunkSize
	case f.left > 0:
		f.at = inBody
	default:
		f.at = inStart
	}
}

// chunk takes the line before a chunk.
func (f *framing) chunk(line []byte) {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	size, err := strconv.ParseUint(string(bytes.TrimRight(digits, " \t")), 16, 62)
	switch {
	case err != nil: // net/http refuses it, too
		f.at = inNothing
	case size == 0:
		f.at = inTrailer
	default:
		f.at, f.left = inChunk, int64(size)+int64(len("\r\n")) //nolint:gosec // of 62 bits
	}
}

// unfinished reports whether a header has begun and not ended.
func (f *framing) unfinished() bool {
	return f.at == inHeader || f.at == inStart && len(f.line) > 0
}
