package runtime

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
)

// A requestParser reads the requests that singles serves. It keeps what
// reading takes.
type requestParser struct {
	text   bytes.Reader
	reader *bufio.Reader
}

// parse reads a header that is all a request has; nil unless it is one that
// any server would understand in the same way.
func (p *requestParser) parse(head []byte) *http.Request {
	if !plainLines(head) {
		return nil
	}
	p.text.Reset(head)
	if p.reader == nil {
		p.reader = bufio.NewReaderSize(&p.text, maxSingle)
	} else {
		p.reader.Reset(&p.text)
	}
	r, err := http.ReadRequest(p.reader)
	if err != nil || !r.Close || !r.ProtoAtLeast(1, 1) || !isDirect(r) || !plainHost(r.Host) || p.reader.Buffered() > 0 {
		return nil
	}
	return r
}

// plainLines reports whether a header is of well-formed lines of printable
// ASCII, with one plain Host and without a body.
func plainLines(head []byte) bool {
	lines, found := bytes.CutSuffix(head, []byte("\r\n\r\n"))
	if !found {
		return false
	}
	_, rest, _ := bytes.Cut(lines, []byte("\r\n")) // without the request line, which net/http parses
	hosts := 0
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || !isToken(name) || !isPrintable(value) {
			return false
		}
		switch name[0] | 0x20 {
		case 'h':
			if strings.EqualFold(string(name), "host") {
				hosts++
				if !plainHost(bytes.Trim(value, " \t")) { // also where the target names another
					return false
				}
			}
		case 'c', 't':
			if strings.EqualFold(string(name), "content-length") || strings.EqualFold(string(name), "transfer-encoding") {
				return false
			}
		}
	}
	return hosts == 1
}

// isToken reports whether a name is one of RFC 9110, section 5.6.2.
func isToken(name []byte) bool {
	for _, c := range name {
		if !isAlphanumeric(c) && strings.IndexByte("-_.!#$%&'*+^`|~", c) < 0 {
			return false
		}
	}
	return len(name) > 0
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

func isPrintable(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c > '~' {
			return false
		}
	}
	return true
}

// plainHost reports whether a host is of letters, digits and what stands
// between them in names and addresses.
func plainHost[T string | []byte](host T) bool {
	for i := range len(host) {
		if c := host[i]; !isAlphanumeric(c) && strings.IndexByte("-_.:[]", c) < 0 {
			return false
		}
	}
	return len(host) > 0
}
