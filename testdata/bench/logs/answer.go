package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// An answer sums up the rows of a tool, in whatever order they come: two that
// are equal have the same rows, but for one case in 2^64.
type answer struct {
	rows, requests, sum uint64
}

// A row is what a tool says of one client under one subject.
type row struct {
	subject, client string
	ok              uint64
	fails           [4]uint64 // missing, skew, signature, unknown_key
	first, last     int64     // Unix time in milliseconds
	days            int
}

func (a *answer) add(r row) {
	hash := sha256.Sum256(fmt.Appendf(nil, "%q", []any{r}))
	a.sum += binary.LittleEndian.Uint64(hash[:])
	a.rows++
	a.requests += r.ok + r.fails[0] + r.fails[1] + r.fails[2] + r.fails[3]
}

// readEvidence reads what lockstep says: the rows of a client stand on a line each.
func readEvidence(path string) (a answer, err error) {
	return a, eachLine(path, func(line []byte) error {
		line = bytes.TrimSuffix(bytes.TrimSpace(line), []byte(","))
		if !bytes.HasPrefix(line, []byte(`{"subject"`)) {
			return nil
		}
		var c struct {
			Subject, Client string
			OK              uint64
			Reasons         map[string]uint64
			First, Last     time.Time
			Days            int
		}
		if err := json.Unmarshal(line, &c); err != nil {
			return err
		}
		a.add(row{
			c.Subject, c.Client, c.OK,
			[4]uint64{c.Reasons["missing"], c.Reasons["skew"], c.Reasons["signature"], c.Reasons["unknown_key"]},
			c.First.UnixMilli(), c.Last.UnixMilli(), c.Days,
		})
		return nil
	})
}

// readCSV reads what DuckDB says, in the order of [questions].
func readCSV(path string) (a answer, err error) {
	return a, eachLine(path, func(line []byte) error {
		text := strings.TrimSpace(string(line))
		subject, text, _ := strings.Cut(text, ",")
		client, text, _ := strings.Cut(text, ",")
		r := row{subject: subject, client: client}
		_, err := fmt.Sscanf(text, "%d,%d,%d,%d,%d,%d,%d,%d", &r.ok, &r.fails[0], &r.fails[1], &r.fails[2], &r.fails[3], &r.first, &r.last, &r.days)
		a.add(r)
		return err
	})
}

func eachLine(path string, do func(line []byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if err := do(lines.Bytes()); err != nil {
			return fmt.Errorf("read the answer %s: %w", path, err)
		}
	}
	return lines.Err() //nolint:wrapcheck // it tells what is wrong with the file
}

var errDiffer = errors.New("lockstep and DuckDB do not give the same answer")

// agree fails if two answers are not the same.
func agree(ours, theirs answer) error {
	if ours == theirs && ours.rows > 0 {
		return nil
	}
	return fmt.Errorf("%w: %d rows of %d requests, and %d of %d", errDiffer, ours.rows, ours.requests, theirs.rows, theirs.requests)
}
