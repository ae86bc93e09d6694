package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"lockstep/internal/atomicfile"
	"lockstep/internal/inputfile"
)

// The cache is one file for each space of results, as opening one for each
// result takes longer than judging it. After a first line there is, for each
// result: the length of its entry and a checksum (4 bytes each), its key, and
// the entry.
const (
	cacheHead   = "lockstep lint cache 1\n"
	cacheLimit  = 64 << 20 // bytes, of all files together
	entryHead   = 8
	cachePrefix = "lint-"
	cacheSuffix = ".cache"
)

// path is where the results of this space are.
func (k *resultCache) path() string {
	return filepath.Join(k.dir, fmt.Sprintf("%s%x%s", cachePrefix, k.space[:16], cacheSuffix))
}

// load reads the results of earlier runs. What is damaged is forgotten, as is
// what follows it: a cache has no say in what is right.
func (k *resultCache) load() map[digest][]byte {
	known := map[digest][]byte{}
	if info, err := os.Stat(k.path()); err != nil || !info.Mode().IsRegular() || info.Size() > cacheLimit {
		return known
	}
	data, err := os.ReadFile(k.path())
	if err != nil {
		return known
	}
	data, ok := bytes.CutPrefix(data, []byte(cacheHead))
	for ok && len(data) >= entryHead {
		length := int64(binary.LittleEndian.Uint32(data))
		sum := binary.LittleEndian.Uint32(data[4:])
		if data = data[entryHead:]; int64(len(data)) < length || length < int64(len(digest{})) {
			break
		}
		record := data[:length]
		if checksum(record) != sum {
			break
		}
		known[digest(record)] = record[len(digest{}):]
		data = data[length:]
	}
	return known
}

// save adds the results of this run to those of earlier ones. Of two
// processes that save at once, one wins, and the other's results are lost.
func (k *resultCache) save() error {
	if k == nil || len(k.fresh) == 0 {
		return nil
	}
	all := maps.Clone(k.known)
	maps.Copy(all, k.fresh)
	data := encode(all)
	if len(data) > cacheLimit/2 {
		data = encode(k.fresh) // start over
	}
	if len(data) > cacheLimit/2 {
		return nil
	}
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return fmt.Errorf("make the cache %s: %w", k.dir, inputfile.Bare(err))
	}
	if err := atomicfile.Write(k.path(), data, 0o600); err != nil {
		return fmt.Errorf("write the cache %s: %w", k.dir, err)
	}
	return prune(k.dir)
}

// encode writes results as a file, in the order of their keys.
func encode(all map[digest][]byte) []byte {
	data := []byte(cacheHead)
	for _, key := range slices.SortedFunc(maps.Keys(all), func(a, b digest) int { return bytes.Compare(a[:], b[:]) }) {
		record := append(key[:len(key):len(key)], all[key]...)
		data = binary.LittleEndian.AppendUint32(data, uint32(len(record)))
		data = binary.LittleEndian.AppendUint32(data, checksum(record))
		data = append(data, record...)
	}
	return data
}

func checksum(record []byte) uint32 {
	return crc32.Checksum(record, crc32.MakeTable(crc32.Castagnoli))
}

// prune removes the files that were written longest ago, beyond the limit of
// all. Files that are not of the cache are left alone.
func prune(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look into the cache %s: %w", dir, inputfile.Bare(err))
	}
	var files []fs.FileInfo
	for _, e := range entries {
		if ok, _ := filepath.Match(cachePrefix+"*"+cacheSuffix, e.Name()); !ok {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files = append(files, info)
		}
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	var errs []error
	size := int64(0)
	for _, info := range files {
		if size += info.Size(); size > cacheLimit {
			errs = append(errs, os.Remove(filepath.Join(dir, info.Name())))
		}
	}
	return errors.Join(errs...)
}
