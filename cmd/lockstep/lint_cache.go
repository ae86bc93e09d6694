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

	"lockstep/lint"
	"lockstep/schemas"
)

// A resultCache remembers what came of files that have not changed since. A
// nil one remembers nothing.
type resultCache struct {
	dir   string
	space digest // of all that the results of one run have in common
	known map[digest][]byte
	files sync.Map // key of a file that configs name → digest

	mu    sync.Mutex
	fresh map[digest][]byte // what this run has added
}

// A digest is a SHA-256 sum.
type digest [sha256.Size]byte

// A cachedResult is what is kept of one file: no error, and no text of it.
type cachedResult struct {
	Reports []*lint.Report    `json:"reports"`
	Files   map[string]string `json:"files,omitempty"` // what was read of those that its configs name, as digests
}

func cacheFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cache", EnvVars: []string{"LOCKSTEP_CACHE"}, Usage: "keep results of unchanged files in `DIR`, for the next run"},
		switchFlag("no-cache", "use no cache, also if LOCKSTEP_CACHE is set"),
	}
}

// newCache opens the cache that the command line asks for, if any. There is
// none for results that depend on the environment, on a repository, on
// upstreams or on an edit.
func (l *linter) newCache(c *cli.Context) (*resultCache, error) {
	dir := c.String("cache")
	if dir == "" || c.Bool("no-cache") || l.expand != nil || l.history != nil || l.probes != nil || l.fixer.mode != fixNone {
		return nil, nil //nolint:nilnil // a nil cache remembers nothing
	}
	space, err := l.cacheSpace(c)
	if err != nil {
		return nil, err
	}
	k := &resultCache{dir: dir, space: space, fresh: map[digest][]byte{}}
	k.known = k.load()
	return k, nil
}

// cacheSpace covers everything but the files that a result may depend on. A
// day is in it, as it may be one on which a certificate expires.
func (l *linter) cacheSpace(c *cli.Context) (digest, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n%s\n", version, buildOf(version), l.process.now().UTC().Format(time.DateOnly))
	for _, r := range lint.Rules() {
		fmt.Fprintf(&text, "%s %s %v %v\n", r.ID, r.Slug, r.Levels, r.Admit)
	}
	for _, f := range c.Command.Flags {
		switch name := f.Names()[0]; name {
		case "output", "docs-url", "fail-on", "exit-zero", "cache", "no-cache", "write-baseline": // change no finding
		default:
			fmt.Fprintf(&text, "--%s %q\n", name, valueOf(c, name))
		}
	}
	if err := json.NewEncoder(&text).Encode([]any{l.policy, l.rolloutNow(), l.seen, l.baseline.With(nil), l.inventory}); err != nil {
		return digest{}, fmt.Errorf("prepare the cache: %w", err)
	}
	return sha256.Sum256([]byte(text.String())), nil
}

// rolloutNow is the rollout with what has become of its brownouts by now.
func (l *linter) rolloutNow() *schemas.Rollout {
	if l.rollout == nil {
		return nil
	}
	return l.rollout.At(l.process.now())
}

// valueOf is what a flag was given, or its default.
func valueOf(c *cli.Context, name string) string {
	if generic := c.Generic(name); generic != nil {
		return fmt.Sprint(generic)
	}
	return fmt.Sprint(c.Value(name))
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
func (k *resultCache) result(f inputFile, text []byte, files fileReader, judge func(fileReader) result) result {
	if k == nil {
		return judge(files)
	}
	key := keyOf(f, text)
	if r, ok := k.lookup(key, files); ok {
		return r
	}
	seen := witness{files, map[string]string{}}
	r := judge(seen)
	if r.err == nil && !r.volatile {
		k.remember(key, cachedResult{r.reports, seen.digests})
	}
	return r
}

func keyOf(f inputFile, text []byte) digest {
	h := sha256.New()
	fmt.Fprintf(h, "%q %v %v\n", f.path, f.named, f.rollout)
	h.Write(text)
	return digest(h.Sum(nil))
}

// lookup returns a result if the files that it depends on are still the same.
func (k *resultCache) lookup(key digest, files fileReader) (result, bool) {
	entry, ok := k.known[key]
	if !ok {
		return result{}, false
	}
	var cached cachedResult
	if err := json.Unmarshal(entry, &cached); err != nil {
		return result{}, false
	}
	for file, want := range cached.Files {
		if k.digestOf(file, files) != want {
			return result{}, false
		}
	}
	return result{reports: cached.Reports}, true
}

// digestOf looks at a file once in a run, as many configs may name it.
func (k *resultCache) digestOf(file string, files fileReader) string {
	if d, ok := k.files.Load(file); ok {
		return d.(string) //nolint:forcetypeassert // nothing else is put in
	}
	d := ""
	if path, isStat := strings.CutPrefix(file, statKey); isStat {
		d = statDigest(files.stat(path))
	} else {
		d = fileDigest(files.read(strings.TrimPrefix(file, readKey)))
	}
	k.files.Store(file, d)
	return d
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
