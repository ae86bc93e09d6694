package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"
)

// An engine is a connection to the library, which takes one query at a time.
type engine struct {
	mu   sync.Mutex
	conn uintptr

	ask     func(conn uintptr, query string, size uintptr, format string, formatSize uintptr) uintptr
	fault   func(result uintptr) string
	text    func(result uintptr) unsafe.Pointer
	size    func(result uintptr) uintptr
	destroy func(result uintptr)
}

// open loads the library, and has it keep its tables in a directory.
func open(library, dir string) (*engine, error) {
	lib, err := purego.Dlopen(library, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("load the library: %w", err)
	}
	e := &engine{}
	var signals func(bool)
	var connect func(int32, **byte) *uintptr
	for name, function := range map[string]any{
		"chdb_set_signal_handlers_enabled": &signals, // Go has its own
		"chdb_connect":                     &connect, "chdb_query_n": &e.ask,
		"chdb_result_error": &e.fault, "chdb_result_buffer": &e.text, "chdb_result_length": &e.size, "chdb_destroy_query_result": &e.destroy,
	} {
		purego.RegisterLibFunc(function, lib, name)
	}
	signals(false)
	args := []*byte{&[]byte("clickhouse\x00")[0], &[]byte("--path=" + dir + "\x00")[0]}
	conn := connect(int32(len(args)), &args[0])
	if conn == nil || *conn == 0 {
		return nil, errors.New("the library gives no connection")
	}
	e.conn = *conn
	return e, nil
}

// query answers after settings have been made.
func (e *engine) query(text, settings string) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if settings != "" {
		if _, err := e.run("SET " + settings); err != nil {
			return nil, err
		}
	}
	return e.run(text)
}

func (e *engine) run(text string) ([]byte, error) {
	const format = "TabSeparated"
	result := e.ask(e.conn, text, uintptr(len(text)), format, uintptr(len(format)))
	defer e.destroy(result)
	if fault := e.fault(result); fault != "" {
		return nil, errors.New(fault)
	}
	return bytes.Clone(unsafe.Slice((*byte)(e.text(result)), e.size(result))), nil
}

var quoted = strings.NewReplacer(`\`, `\\`, `'`, `\'`)

// settings are those of a query's address, but what only a server knows.
func settings(values url.Values) string {
	var all []string
	for name := range values {
		if !slices.Contains([]string{"query", "database", "user", "password", "query_id", "wait_end_of_query", "buffer_size"}, name) {
			all = append(all, fmt.Sprintf("%s = '%s'", name, quoted.Replace(values.Get(name))))
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
