package gunzip

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

// texts are of all sorts: nothing, what is repeated from near and far, what
// cannot be packed, lines as logs have them.
func texts() map[string]string {
	random := rand.New(rand.NewPCG(3, 8))
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	var lines, far strings.Builder
	for range 20_000 {
		fmt.Fprintf(&lines, `{"time":"2026-11-21T10:%02d:%02dZ","app":"app-%d","client":"10.0.%d.%d"}`+"\n",
			random.IntN(60), random.IntN(60), random.IntN(300), random.IntN(256), random.IntN(256))
	}
	for range 9 {
		far.Write(noise[:window-1])
		far.WriteString(strings.Repeat("ab", random.IntN(300)))
	}
	few := strings.Map(func(r rune) rune { return 'a' + r%3 }, string(noise[:200_000]))
	return map[string]string{
		"nothing": "", "a byte": "x", "a run": strings.Repeat("z", 400_000), "noise": string(noise),
		"lines": lines.String(), "far": far.String(), "few letters": few, "mixed": lines.String() + string(noise[:100_000]) + few,
	}
}

func pack(tb testing.TB, level int, header gzip.Header, text string) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		tb.Fatal(err)
	}
	w.Header = header
	_, err = io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

func unpack(in io.Reader) (string, error) {
	r, err := NewReader(in)
	if err != nil {
		return "", err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	return string(text), err
}

func TestReader(t *testing.T) {
	t.Parallel()
	for name, text := range texts() {
		for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
			packed := pack(t, level, gzip.Header{Name: "a.log", Comment: "of today", Extra: []byte("extra")}, text)
			packed = append(packed, pack(t, 6, gzip.Header{}, "and\n"+text)...)
			for how, in := range map[string]io.Reader{
				"at once":          bytes.NewReader(packed),
				"by halves":        iotest.HalfReader(bytes.NewReader(packed)),
				"with the end":     iotest.DataErrReader(bytes.NewReader(packed)),
				"in single bytes":  iotest.OneByteReader(bytes.NewReader(packed)),
				"after some empty": io.MultiReader(bytes.NewReader(packed[:20]), bytes.NewReader(nil), bytes.NewReader(packed[20:])),
			} {
				got, err := unpack(in)
				if want := text + "and\n" + text; err != nil || got != want {
					t.Errorf("%s, level %d, %s: %d bytes of %d, error %v", name, level, how, len(got), len(want), err)
				}
			}
		}
	}
}

// A stream that is cut off anywhere ends there, and yields nothing that is not in it.
func TestReaderCutOff(t *testing.T) {
	t.Parallel()
	text := texts()["lines"][:5_000]
	for _, level := range []int{flate.HuffmanOnly, 0, 1, 6} {
		packed := pack(t, level, gzip.Header{Name: "a.log"}, text)
		for end := 1; end < len(packed); end++ {
			got, err := unpack(bytes.NewReader(packed[:end]))
			if !errors.Is(err, io.ErrUnexpectedEOF) || !strings.HasPrefix(text, got) {
				t.Fatalf("level %d, %d of %d bytes: %d bytes, error %v", level, end, len(packed), len(got), err)
			}
			if want := soFar(packed[:end]); len(got) < want-3 {
				t.Fatalf("level %d, %d of %d bytes: %d bytes, want %d", level, end, len(packed), len(got), want)
			}
		}
	}
}

// soFar is how much others unpack of a stream that is cut off.
func soFar(packed []byte) int {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return 0
	}
	text, _ := io.ReadAll(r)
	return len(text)
}

func TestReaderRefuses(t *testing.T) {
	t.Parallel()
	packed := pack(t, 6, gzip.Header{}, "some text, some text")
	broken := func(at int, b byte) []byte {
		other := bytes.Clone(packed)
		other[at] ^= b
		return other
	}
	failing := errors.New("the disk is gone")
	for name, test := range map[string]struct {
		in   io.Reader
		want error
	}{
		"nothing":            {bytes.NewReader(nil), io.EOF},
		"another format":     {strings.NewReader("not packed at all"), gzip.ErrHeader},
		"another method":     {bytes.NewReader(broken(2, 1)), gzip.ErrHeader},
		"an endless name":    {bytes.NewReader(append([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x00"), strings.Repeat("a", 600)...)), gzip.ErrHeader},
		"another sum":        {bytes.NewReader(broken(len(packed)-8, 1)), gzip.ErrChecksum},
		"another size":       {bytes.NewReader(broken(len(packed)-1, 1)), gzip.ErrChecksum},
		"something behind":   {io.MultiReader(bytes.NewReader(packed), strings.NewReader("0123456789")), gzip.ErrHeader},
		"half a member":      {io.MultiReader(bytes.NewReader(packed), bytes.NewReader(packed[:9])), io.ErrUnexpectedEOF},
		"a failing source":   {io.MultiReader(bytes.NewReader(packed[:15]), iotest.ErrReader(failing)), failing},
		"a reserved block":   {bytes.NewReader(append(bytes.Clone(packed[:10]), 7, 0, 0)), flate.CorruptInputError(11)},
		"too far back":       {bytes.NewReader(append(bytes.Clone(packed[:10]), 0x4b, 0x04, 0x92, 0, 0, 0, 0, 0, 0, 0, 0)), flate.CorruptInputError(13)},
		"a length that lies": {bytes.NewReader(append(bytes.Clone(packed[:10]), 1, 5, 0, 5, 0)), flate.CorruptInputError(15)},
	} {
		if _, err := unpack(test.in); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", name, err, test.want)
		}
	}
}

// FuzzReader has others unpack the same.
func FuzzReader(f *testing.F) {
	for _, text := range texts() {
		for _, level := range []int{flate.HuffmanOnly, 0, 6} {
			packed := pack(f, level, gzip.Header{Name: "n"}, text[:min(len(text), 3000)])
			f.Add(packed, uint16(0), byte(0))
			f.Add(append(packed, packed...), uint16(len(packed)/2), byte(4))
		}
	}
	f.Fuzz(func(t *testing.T, packed []byte, at uint16, flip byte) {
		if int(at) < len(packed) {
			packed = bytes.Clone(packed)
			packed[at] ^= flip
		}
		want, errWant := "", error(nil)
		r, errWant := gzip.NewReader(bytes.NewReader(packed))
		if errWant == nil {
			text, err := io.ReadAll(r)
			want, errWant = string(text), err
		}
		got, err := unpack(bytes.NewReader(packed))
		if (err == nil) != (errWant == nil) || err == nil && got != want {
			t.Fatalf("%d bytes, error %v, want %d, error %v", len(got), err, len(want), errWant)
		}
		if !strings.HasPrefix(want, got) && !strings.HasPrefix(got, want) {
			t.Fatalf("%d bytes are not the %d that others unpack", len(got), len(want))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	text := texts()["lines"]
	packed := pack(b, 6, gzip.Header{}, text)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if got, err := unpack(bytes.NewReader(packed)); err != nil || len(got) != len(text) {
			b.Fatal(err)
		}
	}
}
