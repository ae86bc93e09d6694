package itest

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"testing"
)

// get is the answer to a request, as long as it is a good one.
func get(url string) (string, error) {
	resp, err := http.Get(url)
	return answer(resp, err)
}

func post(url string, body io.Reader) (string, error) {
	resp, err := http.Post(url, "text/plain", body)
	return answer(resp, err)
}

func answer(resp *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s: %.300s", resp.Status, text)
	}
	return string(text), err
}

// postFile sends a file.
func postFile(t testing.TB, url, path string) {
	t.Helper()
	file, err := os.Open(path)
	if err == nil {
		_, err = post(url, file) // which closes it
	}
	if err != nil {
		t.Fatalf("load %s: %v", path, err)
	}
}
