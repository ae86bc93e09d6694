package accesskey

import (
	"crypto/hmac"
	"crypto/sha1" // Apollo's scheme
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"sync"

	"lockstep/schemas"
)

// signatureLen is the length of sha1.Size bytes in base64.
const signatureLen = (sha1.Size + 2) / 3 * 4

// A Key is one access key, ready to check many requests at once. It must not
// be copied.
type Key struct {
	id     string
	usable bool
	macs   sync.Pool // of *mac: preparing a secret costs more than a check
}

// NewKey prepares a key. An empty secret makes a key that costs as much to
// try as any other and never matches: it can stand in where an app has none,
// so that the time of an answer does not tell which apps exist.
func NewKey(id string, secret schemas.Secret) *Key {
	key := &Key{id: id, usable: !secret.Empty()}
	key.macs.New = func() any { return &mac{hash: hmac.New(sha1.New, secret.Reveal())} }
	return key
}

// ID is the name under which the key was made.
func (k *Key) ID() string { return k.id }

// matches reports whether signature is what the key gives. How long it takes
// depends on the length of its arguments only.
func (k *Key) matches(signature, timestamp, target string) bool {
	m := k.macs.Get().(*mac) // the pool holds nothing else
	defer k.macs.Put(m)
	return m.matches(signature, timestamp, target) && k.usable
}

// mac is the working memory of one check. The arrays are here and not on the
// stack, as what is passed to a hash.Hash escapes to the heap.
type mac struct {
	hash  hash.Hash
	chunk [256]byte
	sum   [sha1.Size]byte
	want  [signatureLen]byte
	got   [signatureLen]byte
}

func (m *mac) matches(signature, timestamp, target string) bool {
	m.hash.Reset()
	m.write(timestamp)
	m.write("\n")
	m.write(target)
	base64.StdEncoding.Encode(m.want[:], m.hash.Sum(m.sum[:0]))
	copy(m.got[:], signature)
	return subtle.ConstantTimeCompare(m.got[:], m.want[:]) == 1 && len(signature) == signatureLen
}

// write goes through a chunk of fixed size, so that a long target neither
// allocates nor stays in the pool.
func (m *mac) write(text string) {
	for len(text) > 0 {
		n := copy(m.chunk[:], text)
		m.hash.Write(m.chunk[:n])
		text = text[n:]
	}
}
