package runtime

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// message is what a client sends, and the status of each answer.
type message struct {
	text    string
	answers []int
}

func messages() map[string]message {
	post := "POST /a HTTP/1.1\r\nHost: svc.example.com\r\n"
	get := "GET /a HTTP/1.1\r\nHost: svc.example.com\r\n"
	return map[string]message{
		"plain":                      {get + "\r\n", []int{200}},
		"bare line feeds":            {"GET /a HTTP/1.1\nHost: svc.example.com\n\n", []int{200}},
		"HTTP/1.0":                   {"GET /a HTTP/1.0\r\nHost: svc.example.com\r\n\r\n", []int{200}},
		"a body":                     {post + "Content-Length: 3\r\n\r\nabc", []int{200}},
		"chunks":                     {post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", []int{200}},
		"chunks and trailers":        {post + "Trailer: X\r\ntransfer-encoding: Chunked\r\n\r\n3;e=f\r\nabc\r\n0\r\nX: y\r\n\r\n", []int{200}},
		"pipelined":                  {post + "Content-Length: 3\r\n\r\nabc" + get + "\r\n" + post + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" + get + "\r\n", []int{200, 200, 200, 200}},
		"a body like a header":       {post + "Content-Length: 52\r\n\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n x\r\n\r\n" + get + "\r\n", []int{200, 200}},
		"chunks like a header":       {post + "Transfer-Encoding: chunked\r\n\r\n13\r\nContent-Length: 9\r\n\r\n0\r\n\r\n" + get + "\r\n", []int{200, 200}},
		"a line end after a POST":    {post + "Content-Length: 3\r\n\r\nabc\r\n" + get + "\r\n", []int{200, 200}},
		"length and chunks":          {post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}},
		"chunks and length":          {post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", []int{400}},
		"the same, later":            {get + "\r\n" + post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", []int{200, 400}},
		"the same, after chunks":     {post + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n" + post + "TRANSFER-ENCODING:chunked\r\ncontent-length:3\r\n\r\n0\r\n\r\n", []int{200, 400}},
		"the same, bare line feeds":  {"POST /a HTTP/1.1\nHost: svc.example.com\nTransfer-Encoding: chunked\nContent-Length: 3\n\n0\r\n\r\n", []int{400}},
		"the same length twice":      {post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", []int{400}},
		"two lengths":                {post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", []int{400}},
		"a list of lengths":          {post + "Content-Length: 3, 3\r\n\r\nabc", []int{400}},
		"a signed length":            {post + "Content-Length: +3\r\n\r\nabc", []int{400}},
		"a negative length":          {post + "Content-Length: -3\r\n\r\nabc", []int{400}},
		"a hexadecimal length":       {post + "Content-Length: 0x3\r\n\r\nabc", []int{400}},
		"no length":                  {post + "Content-Length:\r\n\r\nabc", []int{400}},
		"a blank before the colon":   {post + "Content-Length : 3\r\n\r\nabc", []int{400}},
		"a blank, chunked":           {post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", []int{400}},
		"xchunked":                   {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", []int{501}},
		"identity":                   {post + "Transfer-Encoding: identity\r\n\r\n", []int{501}},
		"identity, chunked":          {post + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", []int{501}},
		"chunked, identity":          {post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", []int{501}},
		"chunked twice":              {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}},
		"a tab before chunked":       {post + "Transfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n", []int{200}},
		"a vertical tab":             {post + "Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n", []int{400}},
		"an encoding of HTTP/1.0":    {"POST /a HTTP/1.0\r\nHost: svc.example.com\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", []int{400}},
		"a folded line":              {get + "X: y\r\n z\r\n\r\n", []int{400}},
		"a folded encoding":          {post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", []int{400}},
		"a fold before all":          {"GET /a HTTP/1.1\r\n Host: svc.example.com\r\n\r\n", []int{400}},
		"a null byte":                {get + "X: a\x00b\r\n\r\n", []int{400}},
		"a control byte":             {get + "X: a\x01b\r\n\r\n", []int{400}},
		"a carriage return":          {get + "X: a\rb\r\n\r\n", []int{400}},
		"no colon":                   {get + "X\r\n\r\n", []int{400}},
		"two hosts":                  {get + "Host: other\r\n\r\n", []int{400}},
		"no host":                    {"GET /a HTTP/1.1\r\n\r\n", []int{400}},
		"a blank in the target":      {"GET /a b HTTP/1.1\r\nHost: svc.example.com\r\n\r\n", []int{400}},
		"a null byte in the target":  {"GET /a\x00b HTTP/1.1\r\nHost: svc.example.com\r\n\r\n", []int{400}},
		"HTTP/3":                     {"GET /a HTTP/3.0\r\nHost: svc.example.com\r\n\r\n", []int{505}},
		"a tunnel":                   {"CONNECT /a HTTP/1.1\r\nHost: svc.example.com\r\n\r\n", []int{400}},
		"an unknown expectation":     {get + "Expect: more\r\n\r\n", []int{417}},
		"a preface that is no start": {get + "\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{200, 400}},
	}
}

// TestMessagesArriveOrAreRefused sends requests whole, and byte by byte. The
// upstream gets those before the one that is refused.
func TestMessagesArriveOrAreRefused(t *testing.T) {
	t.Parallel()
	upstream := serveFunc(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	w := newWorld(t, upstream)
	w.opts.Policy = ""
	w.start()
	for name, m := range messages() {
		for _, size := range []int{len(m.text), 1, 15} {
			if got := w.converse(m.text, size, len(m.answers)); !slices.Equal(got, m.answers) {
				t.Errorf("%s in pieces of %d: %v, want %v", name, size, got, m.answers)
			}
		}
	}
}

// converse sends bytes in pieces and reads so many answers. After one that is
// not 200 the server has to hang up.
func (w *world) converse(text string, size, answers int) (statuses []int) {
	w.t.Helper()
	c := w.dial()
	defer c.Close()
	go func() {
		for piece := range slices.Chunk([]byte(text), size) {
			if _, err := c.Write(piece); err != nil {
				return // refused meanwhile
			}
		}
	}()
	for r := bufio.NewReader(c); len(statuses) < answers; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			w.t.Errorf("%.60q: %v after %v", text, err, statuses)
			return statuses
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		statuses = append(statuses, resp.StatusCode)
		if resp.StatusCode == http.StatusOK {
			continue
		}
		if _, err := r.ReadByte(); err == nil || !resp.Close {
			w.t.Errorf("%.60q: %d and more", text, resp.StatusCode)
		}
	}
	return statuses
}

// dial opens a connection to the ingress.
func (w *world) dial() net.Conn {
	w.t.Helper()
	c, err := (&net.Dialer{}).DialContext(w.t.Context(), "tcp", w.server.Addr())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// FuzzFraming follows a stream in any pieces, with one result however it is
// cut. Where the stream ends between two requests, net/http has to agree.
func FuzzFraming(f *testing.F) {
	for _, m := range messages() {
		f.Add(m.text, uint8(1))
		f.Add(m.text, uint8(15))
	}
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		var whole, pieces framing
		want, ok := whole.follow([]byte(text))
		got, still := 0, true
		for rest := []byte(text); len(rest) > 0 && still; {
			piece := rest[:min(len(rest), int(size)+1)]
			var n int
			n, still = pieces.follow(piece)
			got, rest = got+n, rest[len(piece):]
		}
		if want != got || ok != still || (ok && whole.at != pieces.at) {
			t.Errorf("%q: whole %d %t, in pieces %d %t", text, want, ok, got, still)
		}
		if ok && whole.at == inStart && len(whole.line) == 0 {
			endsTogether(t, text)
		}
	})
}

// endsTogether has net/http read what framing takes for a number of whole
// requests.
func endsTogether(t *testing.T, text string) {
	t.Helper()
	for r := bufio.NewReader(strings.NewReader(text)); ; {
		if _, err := r.Peek(1); err != nil {
			return
		}
		request, err := http.ReadRequest(r)
		if err != nil {
			return // it ends the connection
		}
		if _, err := io.Copy(io.Discard, request.Body); err == io.ErrUnexpectedEOF { //nolint:errorlint // as it is
			t.Errorf("%q: net/http waits for more of a body", text)
		}
	}
}
