package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/lint"
)

// A resultCache remembers what came of files that have not changed since. A
// nil one remembers nothing.
type resultCache struct {
	dir   string
	space digest // of all that the results of one run have in common
	known map[digest][]byte
	files sync.Map // path → digest, of the files that configs name

	mu    sync.Mutex
	fresh map[digest][]byte // what this run has added
}

// A digest is a SHA-256 sum.
type digest [sha256.Size]byte

// A cachedResult is what is kept of one file: no error, and no text of it.
type cachedResult struct {
	Reports []*lint.Report    `json:"reports"`
	Files   map[string]string `json:"files,omitempty"` // that its configs name, with the digest of each
}

// newCache opens the cache that the command line asks for, if any.
func (l *linter) newCache(c *cli.Context, now func() time.Time) (*resultCache, error) {
	dir := c.String("cache")
	if dir == "" || c.Bool("no-cache") {
		return nil, nil //nolint:nilnil // a nil cache remembers nothing
	}
	space, err := l.cacheSpace(c, now())
	if err != nil {
		return nil, err
	}
	k := &resultCache{dir: dir, space: space, fresh: map[digest][]byte{}}
	k.known = k.load()
	return k, nil
}

// cacheSpace covers everything but the files that a result may depend on. A
// day is in it, as it may be one on which a certificate expires.
func (l *linter) cacheSpace(c *cli.Context, now time.Time) (digest, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n%s\n", version, buildOf(version), now.UTC().Format(time.DateOnly))
	for _, r := range lint.Rules() {
		fmt.Fprintf(&text, "%s %s %v %v\n", r.ID, r.Slug, r.Levels, r.Admit)
	}
	for _, f := range c.Command.Flags {
		switch name := f.Names()[0]; name {
		case "output", "fail-on", "exit-zero", "cache", "no-cache": // change no finding
		default:
			fmt.Fprintf(&text, "--%s %q\n", name, fmt.Sprint(c.Value(name)))
		}
	}
	if err := json.NewEncoder(&text).Encode([]any{l.policy, l.rollout}); err != nil {
		return digest{}, fmt.Errorf("prepare the cache: %w", err)
	}
	return sha256.Sum256([]byte(text.String())), nil
}

// buildOf tells builds apart that share a version: none but a release has its
// version for itself.
func buildOf(version string) string {
	if version != "development" && !strings.HasSuffix(version, "-dirty") {
		return ""
	}
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.Size(), info.ModTime().UnixNano())
}

// result returns what is known of a file with this text, or has it judged.
func (k *resultCache) result(f inputFile, text []byte, judge func(readFile func(string) ([]byte, error)) result) result {
	if k == nil {
		return judge(inputfile.Read)
	}
	key := keyOf(f, text)
	if r, ok := k.lookup(key); ok {
		return r
	}
	seen := map[string]string{}
	r := judge(func(path string) ([]byte, error) {
		data, err := inputfile.Read(path)
		seen[path] = fileDigest(data, err)
		return data, err
	})
	if r.err == nil {
		k.remember(key, cachedResult{r.reports, seen})
	}
	return r
}

func keyOf(f inputFile, text []byte) digest {
	h := sha256.New()
	fmt.Fprintf(h, "%q %v\n", f.path, f.named)
	h.Write(text)
	return digest(h.Sum(nil))
}

// lookup returns a result if the files that it depends on are still the same.
func (k *resultCache) lookup(key digest) (result, bool) {
	entry, ok := k.known[key]
	if !ok {
		return result{}, false
	}
	var cached cachedResult
	if err := json.Unmarshal(entry, &cached); err != nil {
		return result{}, false
	}
	for path, want := range cached.Files {
		if k.digestOf(path) != want {
			return result{}, false
		}
	}
	return result{reports: cached.Reports}, true
}

// digestOf reads a file once in a run, as many configs may name it.
func (k *resultCache) digestOf(path string) string {
	if d, ok := k.files.Load(path); ok {
		return d.(string) //nolint:forcetypeassert // nothing else is put in
	}
	d := fileDigest(inputfile.Read(path))
	k.files.Store(path, d)
	return d
}

// fileDigest tells contents apart, and errors too.
func fileDigest(data []byte, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

func (k *resultCache) remember(key digest, r cachedResult) {
	entry, err := json.Marshal(r)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fresh[key] = entry
}
