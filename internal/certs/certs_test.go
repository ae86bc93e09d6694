package certs_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/certs"
	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// material writes a directory with a file of each kind that a config may name.
func material(t *testing.T) (dir string, names []string) {
	t.Helper()
	authority, err := certs.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := authority.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	_, otherKey, err := authority.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(key)
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")})
	dir = t.TempDir()
	for name, content := range map[string][]byte{
		"cert":         cert,
		"root":         authority.Root(),
		"key":          key,
		"otherkey":     otherKey,
		"both":         join(cert, key),
		"broken":       broken,
		"brokenfirst":  join(broken, cert),
		"mixed":        join([]byte("garbage\n"), cert, broken, []byte("-----BEGIN CERTI")),
		"garbage":      []byte("garbage"),
		"empty":        nil,
		"encryptedkey": pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: block.Bytes[:40]}),
		"noisykey":     join([]byte("note\n"), cert, key),
		"headers":      withHeader(cert),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return dir, append(names, ".", "missing")
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// withHeader makes a certificate that crypto/x509 passes over in a pool, but
// crypto/tls takes in a pair.
func withHeader(cert []byte) []byte {
	block, _ := pem.Decode(cert)
	block.Headers = map[string]string{"Comment": "a header"}
	return pem.EncodeToMemory(block)
}

// TestVerdictEqualsPiko tries every combination of files and holds the
// verdict against what the agent's own loader consists of.
func TestVerdictEqualsPiko(t *testing.T) {
	t.Parallel()
	dir, names := material(t)
	paths := []string{""}
	for _, name := range names {
		paths = append(paths, filepath.Join(dir, name))
	}
	accepted := 0
	for _, cert := range paths {
		for _, key := range paths {
			_, err := tls.LoadX509KeyPair(cert, key)
			pairGood := cert == "" || err == nil
			for _, roots := range paths {
				rootsGood := roots == "" || hasRoot(roots)
				files := schemas.TLS{Cert: cert, Key: key, RootCAs: roots}
				_, err := certs.ClientConfig(files, inputfile.Read)
				if (err == nil) != (pairGood && rootsGood) {
					t.Errorf("%+v: got %v, Piko takes the pair: %t, the roots: %t", files, err, pairGood, rootsGood)
				}
				if err == nil {
					accepted++
				}
			}
			_, err = certs.Certificate(schemas.TLS{Cert: cert, Key: key}, inputfile.Read)
			checkFault(t, err, pairGood, map[string]string{"cert": cert, "key": key})
		}
	}
	for _, roots := range paths {
		_, err := certs.Roots(schemas.TLS{RootCAs: roots}, inputfile.Read)
		checkFault(t, err, roots == "" || hasRoot(roots), map[string]string{"root_cas": roots})
	}
	if accepted == 0 {
		t.Error("nothing was accepted")
	}
}

// checkFault makes sure that an error is a fault of a field and its path.
func checkFault(t *testing.T, err error, good bool, paths map[string]string) {
	t.Helper()
	var fault *certs.Fault
	switch {
	case good && err == nil:
	case good || !errors.As(err, &fault):
		t.Errorf("%v: got %v, want a fault: %t", paths, err, !good)
	case paths[fault.Field] == "" || paths[fault.Field] != fault.Path:
		t.Errorf("%v: the fault names %s %s", paths, fault.Field, fault.Path)
	}
}

func hasRoot(path string) bool {
	text, err := os.ReadFile(path)
	return err == nil && x509.NewCertPool().AppendCertsFromPEM(text)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	dir, _ := material(t)
	for want, files := range map[string]schemas.TLS{
		`cert "cert": missing key`:                          {Cert: "cert"},
		`cert "key": no certificate in the file`:            {Cert: "key", Key: "key"},
		`cert "missing": no such file or directory`:         {Cert: "missing", Key: "key"},
		`cert ".": it is a directory`:                       {Cert: ".", Key: "key"},
		`key "cert": no private key in the file`:            {Cert: "cert", Key: "cert"},
		`key "missing": no such file or directory`:          {Cert: "cert", Key: "missing"},
		`key "encryptedkey": the private key is encrypted`:  {Cert: "cert", Key: "encryptedkey"},
		`key "otherkey": tls: private key does not match`:   {Cert: "cert", Key: "otherkey"},
		`root_cas "key": no usable certificate in the file`: {RootCAs: "key"},
		"cert \"cert\": missing key\nroot_cas \".\": it is": {Cert: "cert", RootCAs: "."},
	} {
		read := func(path string) ([]byte, error) { return inputfile.Read(filepath.Join(dir, path)) }
		_, err := certs.ClientConfig(files, read)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestFaultKeepsItsCause(t *testing.T) {
	t.Parallel()
	_, err := certs.ClientConfig(schemas.TLS{RootCAs: filepath.Join(t.TempDir(), "x")}, inputfile.Read)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v is not fs.ErrNotExist", err)
	}
	_, err = certs.ClientConfig(schemas.TLS{Cert: "c"}, inputfile.Read)
	if hints := schemas.Hints(err); len(hints) != 1 {
		t.Errorf("hints %q, want one about the missing key", hints)
	}
}

// TestKeyWithoutCertIsNotOpened is what Piko does.
func TestKeyWithoutCertIsNotOpened(t *testing.T) {
	t.Parallel()
	read := func(path string) ([]byte, error) {
		t.Errorf("%s is opened", path)
		return nil, fs.ErrNotExist
	}
	config, err := certs.ClientConfig(schemas.TLS{Key: "key", InsecureSkipVerify: true}, read)
	if err != nil {
		t.Fatal(err)
	}
	if !config.InsecureSkipVerify || config.RootCAs != nil || len(config.Certificates) != 0 ||
		config.MinVersion != tls.VersionTLS12 {
		t.Errorf("got another configuration than asked for: %+v", config)
	}
}

// TestInlinePEMIsNotEchoed puts a private key where a path belongs.
func TestInlinePEMIsNotEchoed(t *testing.T) {
	t.Parallel()
	const canary = "canaryMHcCAQEE"
	read := func(path string) ([]byte, error) {
		if strings.Contains(path, "BEGIN") {
			t.Error("inline PEM is taken to the file system")
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	for _, inline := range []string{
		"-----BEGIN EC PRIVATE KEY-----\n" + canary + "\n-----END EC PRIVATE KEY-----\n",
		"-----BEGIN EC PRIVATE KEY----- " + canary,
		canary + "\n" + canary,
	} {
		for _, files := range []schemas.TLS{
			{Cert: inline, Key: inline, RootCAs: inline},
			{Cert: inline},
		} {
			_, err := certs.ClientConfig(files, read)
			var fault *certs.Fault
			if !errors.As(err, &fault) {
				t.Fatalf("got %v, want a fault", err)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(fault.Path, canary) {
				t.Errorf("the fault quotes PEM: %v", err)
			}
		}
		_, err := certs.Roots(schemas.TLS{RootCAs: inline}, read)
		if want := "root_cas: inline PEM, a path is expected"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
