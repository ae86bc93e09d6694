package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// secrets resolves references; relative paths are taken from dir.
func (p *process) secrets(dir string) schemas.SecretSource {
	return schemas.SecretSource{Dir: dir, ReadFile: inputfile.Read, Getenv: p.getenv}
}

// readStdin reads standard input to its end, or until ctx ends: a terminal
// that nobody types into must not outlast Ctrl-C.
func (p *process) readStdin(ctx context.Context) (data []byte, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		data, err = io.ReadAll(io.LimitReader(p.stdin, inputfile.Limit+1))
	}()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-done:
	}
	if err == nil && len(data) > inputfile.Limit {
		err = fmt.Errorf("it is larger than %d MiB", inputfile.Limit>>20)
	}
	return data, err
}

// hasPlace refuses, before the work of hours is done, to write into a
// directory that is not there.
func hasPlace(output string) error {
	if _, err := os.Stat(filepath.Dir(output)); output != "" && errors.Is(err, fs.ErrNotExist) {
		return schemas.Hint(fmt.Errorf("the output %s: there is no such directory", output), "make the directory, or name a file in another")
	}
	return nil
}

// notAnInput refuses to write where one of the inputs is read from.
func notAnInput(output string, inputs []string) error {
	if output == "-" {
		return schemas.Hint(errors.New("the output has to be a file"), "name it, as in -o plan.yaml")
	}
	to, err := os.Stat(output)
	if err != nil {
		return nil //nolint:nilerr // what is not there is no input either
	}
	for _, path := range inputs {
		if from, err := os.Stat(path); err == nil && os.SameFile(from, to) {
			return schemas.Hint(fmt.Errorf("the output %s is an input", output), "name another file")
		}
	}
	return nil
}

// outputOf refuses an --output that is an input, no file, or nowhere.
func outputOf(c *cli.Context, inputs []string) error {
	if err := notAnInput(c.String("output"), inputs); err != nil {
		return usage(err)
	}
	return hasPlace(c.String("output"))
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
		return nil, withStatus(readStatus(err), err)
	}
	value, err := decode(doc)
	return value, usage(err)
}

// readStatus tells a file that is there and cannot be read from one that the
// user should not have named.
func readStatus(err error) int {
	if errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.EIO) {
		return statusIncomplete
	}
	return statusUsage
}

// loadOptional is load where the flag may be left out.
func loadOptional[T any](path string, decode func(*schemas.Document) (*T, error)) (*T, error) {
	if path == "" {
		return new(T), nil
	}
	return load(path, decode)
}
