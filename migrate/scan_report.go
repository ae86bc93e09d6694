package migrate

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
)

// Complete reports whether all lines were understood, and there was something
// in them.
func (s *ScanSummary) Complete() bool {
	silence := s.Coverage.Parsed == 0
	if s.FailuresOnly { // no failure is good news
		silence = s.Nodes == 0
	}
	return !silence && s.Coverage.Unparsed == 0
}

// WriteText says for people what the scan file at path holds.
func (s *ScanSummary) WriteText(w io.Writer, path string) error {
	out := bufio.NewWriter(w)
	e := Evidence{Environment: s.Environment, Window: s.Window, Coverage: s.Coverage, Samples: s.Samples}
	e.writeCoverage(out)
	fmt.Fprintf(out, "%s: %s of %s, %s, %s, %s in %s, %d before they were packed\n", printable(path),
		plural(s.Logs, "log", "logs"), plural(s.Hosts, "host", "hosts"), plural(s.Nodes, "node", "nodes"),
		plural(s.Clients, "client", "clients"), plural(s.Tallies, "tally", "tallies"), plural(uint64(s.Bytes), "byte", "bytes"), s.Unpacked) //nolint:gosec // a size
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// WriteJSON says the same for programs.
func (s *ScanSummary) WriteJSON(w io.Writer, path string) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	s.Samples = append([]Sample{}, s.Samples...)
	err := enc.Encode(struct {
		Scan string `json:"scan"`
		*ScanSummary
	}{path, s})
	if err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}
