package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
)

// What was looked at, before the path of the file.
const (
	readKey = "read "
	statKey = "stat "
)

// A witness notes what a result depends on. One goroutine uses it.
type witness struct {
	fileReader
	digests map[string]string
}

func (w witness) read(path string) ([]byte, error) {
	data, err := w.fileReader.read(path)
	w.digests[readKey+path] = fileDigest(data, err)
	return data, err
}

func (w witness) stat(path string) (fs.FileInfo, error) {
	info, err := w.fileReader.stat(path)
	w.digests[statKey+path] = statDigest(info, err)
	return info, err
}

// fileDigest tells contents apart, and errors too.
func fileDigest(data []byte, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// statDigest tells apart what rules ask of a file: its kind and permissions.
func statDigest(info fs.FileInfo, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	return info.Mode().String()
}
