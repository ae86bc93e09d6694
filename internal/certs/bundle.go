package certs

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"lockstep/schemas"
)

// A Bundle is what stands in a PEM file. Lines count from 1 and are those on
// which a block begins.
type Bundle struct {
	Certificates []BundleCertificate // that crypto/x509 takes into a pool
	Broken       []BrokenBlock       // that it passes over without a word
	PrivateKeys  []int               // lines; the keys themselves are not kept
}

// A BundleCertificate is one certificate of a [Bundle].
type BundleCertificate struct {
	*x509.Certificate
	Line int
}

// A BrokenBlock is a block of a [Bundle] that cannot be read.
type BrokenBlock struct {
	Line int
	Err  error
}

// ParseBundle reads PEM text. It takes the certificates that
// x509.CertPool.AppendCertsFromPEM does, and notes what that ignores.
func ParseBundle(text []byte) *Bundle {
	b, line := &Bundle{}, 1
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			b.addFragments(text, line)
			return b
		}
		consumed := text[:len(text)-len(rest)]
		before := consumed[:max(bytes.LastIndex(consumed, []byte("-----BEGIN "+block.Type)), 0)]
		b.addFragments(before, line)
		b.add(block, line+bytes.Count(before, []byte("\n")))
		text, line = rest, line+bytes.Count(consumed, []byte("\n"))
	}
}

func (b *Bundle) add(block *pem.Block, line int) {
	switch {
	case isPrivateKey(block.Type):
		b.PrivateKeys = append(b.PrivateKeys, line)
	case block.Type != "CERTIFICATE":
		b.Broken = append(b.Broken, BrokenBlock{line, errors.New("it is not a certificate")})
	case len(block.Headers) > 0:
		b.Broken = append(b.Broken, BrokenBlock{line, errors.New("it has PEM headers")})
	default:
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			b.Broken = append(b.Broken, BrokenBlock{line, err})
			return
		}
		b.Certificates = append(b.Certificates, BundleCertificate{cert, line})
	}
}

// addFragments notes the blocks that begin in text, none of which can be
// decoded.
func (b *Bundle) addFragments(text []byte, line int) {
	for l := range bytes.Lines(text) {
		if kind, begins := strings.CutPrefix(string(l), "-----BEGIN "); begins {
			if isPrivateKey(strings.TrimRight(kind, "-\r\n \t")) {
				b.PrivateKeys = append(b.PrivateKeys, line)
			}
			b.Broken = append(b.Broken, BrokenBlock{line, errors.New("it is cut off or not base64")})
		}
		line++
	}
}

// Pool makes a pool of the certificates.
func (b *Bundle) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range b.Certificates {
		pool.AddCert(c.Certificate)
	}
	return pool
}

// A ParseFunc parses the bundle that was read from path: [ParseBundle], or a
// cache of it.
type ParseFunc func(path string, text []byte) *Bundle

// RootBundle reads the authorities that an upstream's certificate has to come
// from, or nil for those of the system. An error is a [*Fault].
func RootBundle(files schemas.TLS, read ReadFunc, parse ParseFunc) (*Bundle, error) {
	if files.RootCAs == "" {
		return nil, nil //nolint:nilnil // no root_cas is a fine configuration
	}
	text, err := readField("root_cas", files.RootCAs, read)
	if err != nil {
		return nil, err
	}
	bundle := parse(files.RootCAs, text)
	if len(bundle.Certificates) == 0 {
		return nil, fault("root_cas", files.RootCAs, errors.New("no usable certificate in the file"))
	}
	return bundle, nil
}

// String names a certificate for a person, by its subject and line.
func (c BundleCertificate) String() string {
	name := c.Subject.String()
	if name == "" {
		name = "without a subject"
	}
	return fmt.Sprintf("%s, line %d", name, c.Line)
}
