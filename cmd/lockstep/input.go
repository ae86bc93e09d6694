package main

import (
	"fmt"

	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// secrets resolves references; relative paths are taken from dir.
func (p *process) secrets(dir string) schemas.SecretSource {
	return schemas.SecretSource{Dir: dir, ReadFile: inputfile.Read, Getenv: p.getenv}
}

// readDocument reads and parses a document of lockstep's own.
func readDocument(path string) (*schemas.Document, error) {
	source, err := inputfile.Read(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return schemas.ParseDocument(path, source)
}

// load reads a document and decodes it. A fault in it is the user's to mend.
func load[T any](path string, decode func(*schemas.Document) (*T, error)) (*T, error) {
	doc, err := readDocument(path)
	if err != nil {
		return nil, usage(err)
	}
	value, err := decode(doc)
	return value, usage(err)
}

// loadOptional is load where the flag may be left out.
func loadOptional[T any](path string, decode func(*schemas.Document) (*T, error)) (*T, error) {
	if path == "" {
		return new(T), nil
	}
	return load(path, decode)
}
