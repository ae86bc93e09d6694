package pikolink_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"lockstep/runtime/pikolink/pikotest"
)

// pair is both ends of a stream: what a client of the server has, and what
// the listener accepts.
func pair(t *testing.T) (client, accepted net.Conn) {
	t.Helper()
	s := pikotest.Start(t, pikotest.Options{})
	l := listen(t, "db", remote(t, connectTo(s, "")), nil)
	registered(t, s, "db")
	client, err := s.Dial(t.Context(), "db")
	if err != nil {
		t.Fatal(err)
	}
	if accepted, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); accepted.Close() })
	return client, accepted
}

// TestBytes carries more than a window of yamux both ways, and the end of each
// direction on its own.
func TestBytes(t *testing.T) {
	t.Parallel()
	client, accepted := pair(t)
	sent := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(sent)
	go func() {
		_, _ = client.Write(sent)
		_ = client.Close()
	}()
	got, err := io.ReadAll(accepted)
	if err != nil || sha256.Sum256(got) != sha256.Sum256(sent) {
		t.Fatalf("%d bytes arrived, %v", len(got), err)
	}
	go func() {
		_, _ = accepted.Write(sent)
		_ = accepted.(interface{ CloseWrite() error }).CloseWrite()
	}()
	if back, err := io.ReadAll(client); err != nil || !bytes.Equal(back, sent) {
		t.Errorf("%d bytes came back, %v", len(back), err)
	}
}

// TestDeadline is the same error as on a connection of TCP.
func TestDeadline(t *testing.T) {
	t.Parallel()
	_, accepted := pair(t)
	if err := accepted.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := accepted.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
	if err := accepted.SetWriteDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := accepted.Write(make([]byte, 1<<20)); !errors.Is(err, os.ErrDeadlineExceeded) { // more than a window
		t.Error(err)
	}
}

// TestCloseInterrupts ends a Read that waits.
func TestCloseInterrupts(t *testing.T) {
	t.Parallel()
	_, accepted := pair(t)
	read := make(chan error)
	go func() {
		_, err := accepted.Read(make([]byte, 1))
		read <- err
	}()
	if err := accepted.Close(); err != nil {
		t.Error(err)
	}
	if err := <-read; err == nil {
		t.Error("the read came back without an error")
	}
}

// TestAddresses are those of the connection to the server.
func TestAddresses(t *testing.T) {
	t.Parallel()
	_, accepted := pair(t)
	for _, addr := range []net.Addr{accepted.RemoteAddr(), accepted.LocalAddr()} {
		if host, _, err := net.SplitHostPort(addr.String()); err != nil || host != "127.0.0.1" {
			t.Errorf("address %v", addr)
		}
	}
}

// TestWriteClose brings the last words and the end of a stream.
func TestWriteClose(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 100, 1 << 20} {
		client, accepted := pair(t)
		sent := bytes.Repeat([]byte("x"), size)
		done := make(chan error, 1)
		go func() { done <- accepted.(interface{ WriteClose(p []byte) error }).WriteClose(sent) }()
		if got, err := io.ReadAll(client); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d of %d bytes arrived, %v", len(got), size, err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if _, err := accepted.Write(sent); err == nil && size > 0 {
			t.Error("it can be written to after its end")
		}
	}
}
