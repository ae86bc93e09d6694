// Package certs reads the TLS files that a Piko config names, with the
// verdict of the real agent: what it refuses is a [Fault] here, what it
// accepts loads.
package certs

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"lockstep/schemas"
)

// A Fault says which of the TLS keys of a config cannot be used, and why.
type Fault struct {
	Field string // cert, key or root_cas
	Path  string // as in the config; empty where the value is no path
	Err   error
}

// Error names field and path, and never quotes what is in the file.
func (f *Fault) Error() string {
	if f.Path == "" {
		return fmt.Sprintf("%s: %v", f.Field, f.Err)
	}
	return fmt.Sprintf("%s %q: %v", f.Field, f.Path, f.Err)
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// Shown returns the fault as a message may show it: where a variable stands
// in the path, with the text of the config, in which TLS is at pointer.
func (f *Fault) Shown(config *schemas.Checked, pointer string) *Fault {
	pointer += "/" + f.Field
	if f.Path == "" || !config.Expanded(pointer) {
		return f
	}
	name, _ := config.Name(pointer)
	return &Fault{Field: f.Field, Path: name, Err: f.Err}
}

// A ReadFunc reads a whole file, such as inputfile.Read.
type ReadFunc func(path string) ([]byte, error)

// ClientConfig makes the configuration of the connections to an upstream. Its
// error joins the faults of the certificate and of the roots. Like Piko it
// reads all files even if nothing is going to be verified, and leaves the
// rest to Go's defaults, so that the oldest version is TLS 1.2.
func ClientConfig(files schemas.TLS, read ReadFunc) (*tls.Config, error) {
	certificate, certErr := Certificate(files, read)
	roots, rootsErr := Roots(files, read)
	if err := errors.Join(certErr, rootsErr); err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            roots,
		InsecureSkipVerify: files.InsecureSkipVerify, // what the config says; lint reports it
	}
	if certificate != nil {
		config.Certificates = []tls.Certificate{*certificate}
	}
	return config, nil
}

// Certificate loads the client certificate, or nil if there is none: like
// Piko it does not even open a key without a cert. An error is a [*Fault].
func Certificate(files schemas.TLS, read ReadFunc) (*tls.Certificate, error) {
	if files.Cert == "" {
		return nil, nil // no certificate is a fine configuration
	}
	if files.Key == "" {
		return nil, fault("cert", files.Cert, schemas.Hint(errors.New("missing key"),
			"set key to the file of its private key, or remove cert"))
	}
	cert, err := readField("cert", files.Cert, read)
	if err != nil {
		return nil, err
	}
	key, err := readField("key", files.Key, read)
	if err != nil {
		return nil, err
	}
	return keyPair(files, cert, key)
}

// Roots loads the authorities that an upstream's certificate has to come
// from, or nil for those of the system. Like Piko it takes a file with one
// good certificate among anything else. An error is a [*Fault].
func Roots(files schemas.TLS, read ReadFunc) (*x509.CertPool, error) {
	bundle, err := RootBundle(files, read, func(_ string, text []byte) *Bundle { return ParseBundle(text) })
	if bundle == nil {
		return nil, err // nil is what crypto/tls calls the system's roots
	}
	return bundle.Pool(), nil
}

// keyPair is tls.X509KeyPair with the fault placed in one of the two files.
func keyPair(files schemas.TLS, cert, key []byte) (*tls.Certificate, error) {
	leaf := findBlock(cert, func(kind string) bool { return kind == "CERTIFICATE" })
	if leaf == nil {
		return nil, fault("cert", files.Cert, errors.New("no certificate in the file"))
	}
	if _, err := x509.ParseCertificate(leaf.Bytes); err != nil {
		return nil, fault("cert", files.Cert, err)
	}
	private := findBlock(key, isPrivateKey)
	if private == nil {
		return nil, fault("key", files.Key, errors.New("no private key in the file"))
	}
	pair, err := tls.X509KeyPair(cert, key)
	switch {
	case err == nil:
		return &pair, nil
	case private.Type == "ENCRYPTED PRIVATE KEY":
		return nil, fault("key", files.Key, schemas.Hint(errors.New("the private key is encrypted"),
			"store it without a passphrase, readable by the agent alone"))
	default:
		return nil, fault("key", files.Key, err)
	}
}

// isPrivateKey is the rule of tls.X509KeyPair.
func isPrivateKey(kind string) bool {
	return kind == "PRIVATE KEY" || strings.HasSuffix(kind, " PRIVATE KEY")
}

// findBlock returns the first PEM block of a kind, or nil.
func findBlock(text []byte, wanted func(kind string) bool) *pem.Block {
	block, rest := pem.Decode(text)
	for block != nil && !wanted(block.Type) {
		block, rest = pem.Decode(rest)
	}
	return block
}

// errInline stands in for the error of reading a path that is no path.
var errInline = errors.New("inline PEM, a path is expected")

// readField reads the file that a field names. PEM text never gets as far as
// the file system, where an audit log would keep it.
func readField(field, path string, read ReadFunc) ([]byte, error) {
	if HoldsPEM(path) {
		return nil, fault(field, path, errInline)
	}
	text, err := read(path)
	switch {
	case err == nil:
		return text, nil
	case IsInline(path):
		return nil, fault(field, path, errInline)
	default:
		return nil, fault(field, path, err)
	}
}

// HoldsPEM reports whether somebody put PEM text, which may be a private key,
// in the place of a path. Such a path is not even to be opened.
func HoldsPEM(path string) bool { return strings.Contains(path, "-----BEGIN") }

// IsInline reports whether a path looks like the content of a file, so that it
// is not to be shown.
func IsInline(path string) bool { return strings.ContainsAny(path, "\r\n") || HoldsPEM(path) }

// fault takes the path out of an error of the file system, as a fault has
// one, and leaves it out where it may be a secret.
func fault(field, path string, err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	if IsInline(path) {
		path = ""
	}
	return &Fault{Field: field, Path: path, Err: err}
}
