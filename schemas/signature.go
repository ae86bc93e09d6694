package schemas

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
)

// A PublicKey is the public half of an ed25519 key: "ed25519:" and the base64
// of its 32 bytes.
type PublicKey string

const publicKeyScheme = "ed25519:"

// A Signature is made over the bytes of a document without it.
type Signature struct {
	Key   PublicKey `yaml:"key"`
	Value string    `yaml:"value"` // base64
}

// signedPrefix keeps the signature of a plan from being one of anything else.
const signedPrefix = "lockstep plan 1\n"

// Sign signs the plan with a private key in PEM (PKCS #8). Errors never quote
// the key.
func (p *Plan) Sign(key Secret) error {
	block, _ := pem.Decode(key.Reveal())
	if block == nil {
		return badSigningKey()
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return badSigningKey() // its words may quote the key
	}
	private, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return badSigningKey()
	}
	text, err := p.signed()
	if err != nil {
		return err
	}
	public, _ := private.Public().(ed25519.PublicKey)
	p.Signature = &Signature{
		Key:   PublicKey(publicKeyScheme + base64.StdEncoding.EncodeToString(public)),
		Value: base64.StdEncoding.EncodeToString(ed25519.Sign(private, text)),
	}
	return nil
}

func badSigningKey() error {
	return Hint(errors.New("the signing key is not an ed25519 key in PEM"), "make one with `openssl genpkey -algorithm ed25519`")
}

// signed is what a signature is made over.
func (p *Plan) signed() ([]byte, error) {
	bare := *p
	bare.Signature = nil
	text, err := bare.Encode()
	return append([]byte(signedPrefix), text...), err
}

// VerifySignature returns an error unless the plan was signed with the
// private half of key.
func (p *Plan) VerifySignature(key PublicKey) error {
	switch {
	case p.Signature == nil:
		return errors.New("the plan is not signed")
	case p.Signature.Key != key:
		return errors.New("the plan is signed with another key")
	}
	public, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(string(key), publicKeyScheme))
	if err != nil || len(public) != ed25519.PublicKeySize {
		return Hint(errors.New("the public key is not an ed25519 key"), "write ed25519: and the base64 of its 32 bytes")
	}
	signature, err := base64.StdEncoding.DecodeString(p.Signature.Value)
	if err != nil {
		return errors.New("the signature of the plan is not base64")
	}
	text, err := p.signed()
	if err != nil {
		return err
	}
	if !ed25519.Verify(public, text, signature) {
		return errors.New("the signature does not fit the plan")
	}
	return nil
}
