package logdbtest

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strconv"
	"strings"
)

// Of has only those queries go wrong that hold a text.
func Of(text string, f Fault) Fault {
	return func(w http.ResponseWriter, r *http.Request, query string) bool {
		return strings.Contains(query, text) && f(w, r, query)
	}
}

// Say answers with a status and a text, whatever is asked.
func Say(status int, text string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(text)) // the client shows what came
		return true
	}
}

// CutOff announces more than it sends, as when a connection breaks.
func CutOff(text string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		w.Header().Set("Content-Length", strconv.Itoa(len(text)+100))
		_, _ = w.Write([]byte(text)) // the same
		return true
	}
}

// CutPacked sends the first half of a text packed with gzip, as a whole answer.
func CutPacked(text string) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		_, _ = zip.Write([]byte(text)) // to memory
		_ = zip.Close()
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(packed.Bytes()[:packed.Len()/2]) // the same
		return true
	}
}
