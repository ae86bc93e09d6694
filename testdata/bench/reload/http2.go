package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// h2 is a connection of HTTP/2 without TLS, from frames: a transport would
// hide what it sends again.
type h2 struct {
	net.Conn
	framer *http2.Framer
	block  bytes.Buffer // a header on its way
	encode *hpack.Encoder
	stream uint32
	goAway bool
}

func openHTTP2(addr string) func(context.Context) (conn, error) {
	return func(ctx context.Context) (conn, error) {
		c, err := dial(ctx, addr)
		if err != nil {
			return nil, err
		}
		h := &h2{Conn: c, framer: http2.NewFramer(c, c), stream: 1}
		h.encode = hpack.NewEncoder(&h.block)
		h.framer.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
		if _, err := io.WriteString(c, http2.ClientPreface); err != nil {
			return nil, fmt.Errorf("write: %w", plain(err))
		}
		if err := h.framer.WriteSettings(); err != nil {
			return nil, fmt.Errorf("write: %w", plain(err))
		}
		if err := h.framer.WriteWindowUpdate(0, 1<<30); err != nil { // for all answers ever
			return nil, fmt.Errorf("write: %w", plain(err))
		}
		return h, nil
	}
}

func (h *h2) leaving() bool { return h.goAway }

func (h *h2) exchange() error {
	if err := h.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	r := common()
	timestamp, authorization := r.signature()
	h.block.Reset()
	for _, f := range []hpack.HeaderField{
		{Name: ":method", Value: r.method},
		{Name: ":scheme", Value: "http"},
		{Name: ":path", Value: r.target},
		{Name: ":authority", Value: "soak"},
		{Name: "x-piko-endpoint", Value: r.endpoint},
		{Name: "timestamp", Value: timestamp},
		{Name: "authorization", Value: authorization},
	} {
		_ = h.encode.WriteField(f) // into memory
	}
	stream := h.stream
	h.stream += 2
	if err := h.framer.WriteHeaders(http2.HeadersFrameParam{
		StreamID: stream, BlockFragment: h.block.Bytes(), EndStream: true, EndHeaders: true,
	}); err != nil {
		return fmt.Errorf("write: %w", plain(err))
	}
	return h.answer(stream)
}

// answer reads frames to the end of a stream.
func (h *h2) answer(stream uint32) error {
	status, size := "", 0
	for {
		frame, err := h.framer.ReadFrame()
		if err != nil {
			return fmt.Errorf("read: %w", plain(err))
		}
		if err := h.reply(frame); err != nil {
			return err
		}
		if frame.Header().StreamID != stream {
			continue
		}
		switch f := frame.(type) {
		case *http2.MetaHeadersFrame:
			status = f.PseudoValue("status")
		case *http2.DataFrame:
			size += len(f.Data())
		case *http2.RSTStreamFrame:
			return fmt.Errorf("the stream was reset: %v", f.ErrCode)
		}
		if frame.Header().Flags.Has(http2.FlagDataEndStream) {
			return judge(status, size)
		}
	}
}

// reply answers the frames that concern the connection.
func (h *h2) reply(frame http2.Frame) error {
	var err error
	switch f := frame.(type) {
	case *http2.SettingsFrame:
		if !f.IsAck() {
			err = h.framer.WriteSettingsAck()
		}
	case *http2.PingFrame:
		if !f.IsAck() {
			err = h.framer.WritePing(true, f.Data)
		}
	case *http2.GoAwayFrame:
		h.goAway = true
	}
	if err != nil {
		return fmt.Errorf("write: %w", plain(err))
	}
	return nil
}
