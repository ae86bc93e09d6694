package lint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// fingerprints names each finding of a file, so that a program can tell it
// again in a later version of the file. A name has no line in it and no index
// of a listener, which change with every edit above; equal findings of equal
// listeners are counted.
func fingerprints(findings []Finding) []string {
	seen := map[string]int{}
	names := make([]string, len(findings))
	for i := range findings {
		f := &findings[i]
		key := fmt.Sprintf("%s\x00%s\x00%s\x00%s", f.Rule, slashed(f.Path+f.Within), withoutIndex(f), f.EndpointID)
		if n := seen[key]; n > 0 {
			names[i] = hash(key + "\x00" + strconv.Itoa(n))
		} else {
			names[i] = hash(key)
		}
		seen[key]++
	}
	return names
}

// withoutIndex is the pointer of a finding, below its listener if it has one.
func withoutIndex(f *Finding) string {
	i, ok := f.Listener()
	if !ok {
		return f.Pointer
	}
	return "/listeners/-" + strings.TrimPrefix(f.Pointer, "/listeners/"+strconv.Itoa(i))
}

// slashed is a path as web services want it: clean, with forward slashes.
func slashed(path string) string { return filepath.ToSlash(filepath.Clean(path)) }

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
