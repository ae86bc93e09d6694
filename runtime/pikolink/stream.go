package pikolink

import (
	"errors"
	"os"
	"time"

	"github.com/hashicorp/yamux"
)

// stream is one connection through Piko. It behaves as one of TCP does where
// yamux has ways of its own.
type stream struct {
	*yamux.Stream
	out *outbox
}

// Read implements [net.Conn].
func (s stream) Read(p []byte) (int, error) {
	n, err := s.Stream.Read(p)
	return n, expired(err)
}

// Write implements [net.Conn].
func (s stream) Write(p []byte) (int, error) {
	n, err := s.Stream.Write(p)
	return n, expired(err)
}

// expired makes a passed deadline the error that it is everywhere else.
func expired(err error) error {
	if errors.Is(err, yamux.ErrTimeout) {
		return os.ErrDeadlineExceeded
	}
	return err
}

// CloseWrite ends what is said, and goes on listening.
func (s stream) CloseWrite() error { return s.Stream.Close() } //nolint:wrapcheck // as it is

// WriteClose writes p and closes. Both travel in one message, unless p is long.
func (s stream) WriteClose(p []byte) error {
	s.out.hold()
	defer s.out.release()
	_, err := s.Write(p)
	return errors.Join(err, s.Close())
}

// Close implements [net.Conn]. It also ends a Read that waits, which Close of
// yamux does not.
func (s stream) Close() error {
	return errors.Join(s.SetDeadline(time.Unix(1, 0)), s.Stream.Close())
}
