package pikolink

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// newPeer connects an outbox with a server, which gathers what comes until
// the end and says how many messages that was.
func newPeer(t *testing.T) (o *outbox, end <-chan error, got *bytes.Buffer, messages *int) {
	t.Helper()
	done := make(chan error, 1)
	got, messages = new(bytes.Buffer), new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if err != nil {
			done <- err
			return
		}
		defer ws.Close()
		for {
			_, text, err := ws.ReadMessage()
			if err != nil {
				done <- err
				return
			}
			got.Write(text)
			*messages++
		}
	}))
	t.Cleanup(server.Close)
	ws, answer, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return newOutbox(ws), done, got, messages
}

// TestOutbox sends all that was written, in order, and before it closes.
func TestOutbox(t *testing.T) {
	t.Parallel()
	o, end, got, messages := newPeer(t)
	var want bytes.Buffer
	for i := range 10_000 {
		piece := bytes.Repeat([]byte{byte(i)}, i%97)
		want.Write(piece)
		if n, err := o.Write(piece); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if err := o.close(); err != nil {
		t.Error(err)
	}
	if err := <-end; err == nil {
		t.Error("the connection did not end")
	}
	if !bytes.Equal(got.Bytes(), want.Bytes()) {
		t.Errorf("%d of %d bytes arrived, or others", got.Len(), want.Len())
	}
	if *messages >= 10_000 {
		t.Errorf("%d messages", *messages)
	}
}

// TestOutboxBroken has writers learn that nobody takes anything, also those
// that wait for room.
func TestOutboxBroken(t *testing.T) {
	t.Parallel()
	o, end, _, _ := newPeer(t)
	_ = o.ws.NetConn().Close()
	if err := <-end; err == nil {
		t.Error("the connection did not end")
	}
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for {
				if _, err := o.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		})
	}
	writers.Wait()
	_ = o.close() // it ends all the same
}

// header is one of yamux.
func header(kind byte, flags uint16, length uint32) []byte {
	h := make([]byte, headerBytes)
	h[1] = kind
	binary.BigEndian.PutUint16(h[2:], flags)
	binary.BigEndian.PutUint32(h[8:], length)
	return h
}

// TestOutboxWaits sends the consent to a stream along with its answer, and
// the answer along with the end, but neither waits for long.
func TestOutboxWaits(t *testing.T) {
	t.Parallel()
	o, end, got, messages := newPeer(t)
	consent, data, fin := header(frameWindow, 2, 0), header(frameData, 0, headerBytes), header(frameWindow, 4, 0)
	write := func(p []byte) {
		t.Helper()
		if _, err := o.Write(p); err != nil {
			t.Fatal(err)
		}
	}
	waits := func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		return len(o.pending) > 0
	}
	o.hold()
	write(consent)
	write(data)
	write(consent) // it is the data, whatever it looks like
	write(fin)
	o.release()
	for waits() {
		time.Sleep(time.Millisecond / 10)
	}
	write(consent) // and nothing follows
	for waits() {
		time.Sleep(time.Millisecond / 10)
	}
	o.hold() // for ever
	write(make([]byte, maxKept))
	for waits() {
		time.Sleep(time.Millisecond / 10)
	}
	if err := o.close(); err != nil {
		t.Error(err)
	}
	if err := <-end; err == nil {
		t.Error("the connection did not end")
	}
	want := slices.Concat(consent, data, consent, fin, consent, make([]byte, maxKept))
	if !bytes.Equal(got.Bytes(), want) || *messages != 3 {
		t.Errorf("%d of %d bytes arrived in %d messages, or others", got.Len(), len(want), *messages)
	}
}
