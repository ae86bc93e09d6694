package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// Fingerprint identifies a finding by what it is about and not by where it
// stands: the rule, the file, the value, and the endpoint in place of the
// listener's number. Findings of one rule at one value share it.
func (f *Finding) Fingerprint() string {
	pointer := f.Pointer
	if i, ok := f.Listener(); ok && f.EndpointID != "" {
		pointer = strings.TrimPrefix(pointer, "/listeners/"+strconv.Itoa(i))
	}
	return hash(f.Rule, slashed(f.Path+f.Within), pointer, f.EndpointID)
}

// fingerprints names each finding of a file, so that a program can tell it
// again in a later version of the file: those that share a fingerprint are
// counted.
func fingerprints(findings []Finding) []string {
	seen := map[string]int{}
	names := make([]string, len(findings))
	for i := range findings {
		name := findings[i].Fingerprint()
		names[i] = name
		if n := seen[name]; n > 0 {
			names[i] = hash(name, strconv.Itoa(n))
		}
		seen[name]++
	}
	return names
}

// slashed is one spelling of a path, clean and with forward slashes.
func slashed(name string) string { return path.Clean(filepath.ToSlash(name)) }

func hash(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return hex.EncodeToString(sum[:])
}
