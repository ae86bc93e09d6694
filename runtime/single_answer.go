package runtime

import (
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// singleAnswer is the answer to the only request of its connection, as
// net/http would write it to a client of HTTP/1.1 that wants to close. It goes
// out in one piece, with the end of the connection, if it is short.
type singleAnswer struct {
	conn   *clientConn
	bodily bool // the answer has a body, if its status may have one
	now    func() time.Time

	header  http.Header
	status  int    // 0 until it is said
	out     []byte // what is to be sent: the head as far as it is known, and after that nothing or the body
	body    []byte // that waits until the head is complete
	length  int64  // of the body, as the header says; -1 if it does not
	typed   bool   // the header says of what type the body is
	trails  bool   // it announces trailers
	sent    bool   // the head
	chunked bool
	written int64 // bytes of the body
}

// Header implements [http.ResponseWriter].
func (a *singleAnswer) Header() http.Header { return a.header }

// WriteHeader implements [http.ResponseWriter].
func (a *singleAnswer) WriteHeader(status int) {
	switch {
	case a.status != 0:
	case status < http.StatusOK:
		a.inform(status)
	default:
		a.status = status
		a.begin()
	}
}

// inform sends an answer that only informs, such as 103.
func (a *singleAnswer) inform(status int) {
	text := appendStatus(nil, status)
	for name, values := range a.header {
		text = appendValues(text, name, values)
	}
	_, _ = a.conn.Write(append(text, "\r\n"...)) // the next write will fail, too
}

// begin writes the part of the head that the handler knows.
func (a *singleAnswer) begin() {
	a.length = -1
	a.out = appendStatus(a.out, a.status)
	if _, ok := a.header["Date"]; !ok {
		a.out = append(a.out, "Date: "...)
		a.out = a.now().UTC().AppendFormat(a.out, http.TimeFormat)
		a.out = append(a.out, "\r\n"...)
	}
	for name, values := range a.header {
		if a.keep(name, values) {
			a.out = appendValues(a.out, name, values)
		}
	}
}

// keep reports whether a header goes out as it is, and notes what it says
// about the body.
func (a *singleAnswer) keep(name string, values []string) bool {
	switch name {
	case "Connection", "Transfer-Encoding":
		return false
	case "Content-Length":
		if length, err := strconv.ParseInt(strings.Join(values, ","), 10, 64); err == nil && length >= 0 && bodyAllowed(a.status) {
			a.length = length
		}
		return false
	case "Content-Type":
		a.typed = true
		return a.status != http.StatusNotModified
	case "Content-Encoding":
		a.typed = a.typed || strings.Join(values, "") != ""
	case "Trailer":
		a.trails = true
	}
	return !strings.HasPrefix(name, http.TrailerPrefix)
}

// bodyAllowed reports whether an answer may have a body, see RFC 9110, section 6.4.1.
func bodyAllowed(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// Write implements [http.ResponseWriter].
func (a *singleAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK) // if nothing was said before
	if !bodyAllowed(a.status) {
		return 0, http.ErrBodyNotAllowed
	}
	if a.written += int64(len(p)); a.length >= 0 && a.written > a.length {
		return 0, http.ErrContentLength
	}
	if !a.sent && len(a.body)+len(p) <= maxSingle/2 {
		a.body = append(a.body, p...)
		return len(p), nil
	}
	if err := a.send(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush implements [http.Flusher].
func (a *singleAnswer) Flush() { _ = a.FlushError() }

// FlushError serves [http.ResponseController].
func (a *singleAnswer) FlushError() error {
	a.WriteHeader(http.StatusOK)
	if a.sent {
		return nil // nothing is kept back
	}
	return a.send(nil)
}

// send sends what was kept back, and more.
func (a *singleAnswer) send(more []byte) error {
	if !a.sent {
		a.complete(more, false)
		a.out = a.appendBody(a.out, a.body)
	}
	a.out = a.appendBody(a.out, more)
	_, err := a.conn.Write(a.out)
	a.out = a.out[:0]
	return err
}

// complete ends the head. Where the answer is complete as well, the body has a
// length.
func (a *singleAnswer) complete(more []byte, whole bool) {
	a.sent = true
	first := a.body
	if len(first) == 0 {
		first = more
	}
	if bodyAllowed(a.status) && !a.typed && len(first) > 0 {
		a.out = appendField(a.out, "Content-Type", http.DetectContentType(first))
	}
	switch {
	case !bodyAllowed(a.status):
	case a.length < 0 && whole && !a.trails && (a.bodily || a.written > 0):
		a.length = a.written
		fallthrough
	case a.length >= 0:
		a.out = append(a.out, "Content-Length: "...)
		a.out = strconv.AppendInt(a.out, a.length, 10)
		a.out = append(a.out, "\r\n"...)
	case a.bodily:
		a.chunked = true
		a.out = append(a.out, "Transfer-Encoding: chunked\r\n"...)
	}
	a.out = append(a.out, "Connection: close\r\n\r\n"...)
}

// appendBody adds a piece of the body as it travels.
func (a *singleAnswer) appendBody(out, p []byte) []byte {
	switch {
	case !a.bodily || len(p) == 0:
		return out
	case !a.chunked:
		return append(out, p...)
	}
	out = strconv.AppendInt(out, int64(len(p)), 16)
	out = append(out, "\r\n"...)
	out = append(out, p...)
	return append(out, "\r\n"...)
}

// finish ends the answer, and the connection with it.
func (a *singleAnswer) finish() error {
	a.WriteHeader(http.StatusOK)
	if !a.sent {
		a.complete(nil, true)
		a.out = a.appendBody(a.out, a.body)
	}
	if a.chunked {
		a.out = append(a.out, "0\r\n"...)
		for name, values := range a.trailers() {
			a.out = appendValues(a.out, name, values)
		}
		a.out = append(a.out, "\r\n"...)
	}
	return a.conn.writeClose(a.out)
}

// trailers are the headers that go behind the body: those that were announced,
// and those that say so by their names.
func (a *singleAnswer) trailers() http.Header {
	trailers := http.Header{}
	announced := strings.Split(strings.Join(a.header["Trailer"], ","), ",")
	for name, values := range a.header {
		if plain, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			trailers[textproto.CanonicalMIMEHeaderKey(plain)] = values
		} else if slices.ContainsFunc(announced, func(n string) bool { return textproto.TrimString(n) == name }) {
			trailers[name] = values
		}
	}
	return trailers
}

func appendStatus(b []byte, status int) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, ' ')
	if text := http.StatusText(status); text != "" {
		b = append(b, text...)
	} else {
		b = append(b, "status code "...)
		b = strconv.AppendInt(b, int64(status), 10)
	}
	return append(b, "\r\n"...)
}

// appendValues writes a header, of one line whatever it holds.
func appendValues(b []byte, name string, values []string) []byte {
	if !isToken([]byte(name)) {
		return b
	}
	for _, value := range values {
		if strings.ContainsAny(value, "\r\n") {
			value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
		}
		b = appendField(b, name, textproto.TrimString(value))
	}
	return b
}
