package lint

import (
	"crypto/sha256"
	"sync"

	"lockstep/internal/certs"
)

// maxBundles is how many parsed bundles are kept. A fleet names few CA files,
// and one that names more is parsed a little more often.
const maxBundles = 64

// A bundleCache parses each bundle once, however many configs name it.
type bundleCache struct {
	mu      sync.Mutex
	bundles map[bundleKey]*certs.Bundle
}

// The content is part of the key, as the file may change from one check to
// the next.
type bundleKey struct {
	path   string
	digest [sha256.Size]byte
}

// parse is a [certs.ParseFunc].
func (c *bundleCache) parse(path string, text []byte) *certs.Bundle {
	key := bundleKey{path, sha256.Sum256(text)}
	c.mu.Lock()
	bundle := c.bundles[key]
	c.mu.Unlock()
	if bundle != nil {
		return bundle
	}
	bundle = certs.ParseBundle(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.bundles == nil || len(c.bundles) >= maxBundles {
		c.bundles = map[bundleKey]*certs.Bundle{}
	}
	c.bundles[key] = bundle
	return bundle
}
