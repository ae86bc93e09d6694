package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/lint"
	"lockstep/schemas"
)

func evidenceFlag() cli.Flag {
	return &cli.StringFlag{Name: "evidence", Usage: "tell with --rollout how many handshakes would fail, by the `FILE` of `migrate evidence --format json`"}
}

// loadHandshakes reads what --evidence names, and counts the handshakes with
// upstreams in it.
func loadHandshakes(c *cli.Context) (map[string]lint.Handshakes, error) {
	path := c.String("evidence")
	switch {
	case path == "":
		return nil, nil //nolint:nilnil // nobody has looked
	case c.String("rollout") == "":
		return nil, usage(schemas.Hint(errors.New("--evidence says nothing without the rollout that it is about"), "give --rollout as well"))
	}
	text, err := os.ReadFile(path) // which may be large, or a pipe
	if err != nil {
		return nil, withStatus(readStatus(err), fmt.Errorf("read evidence %s: %w", path, inputfile.Bare(err)))
	}
	all, err := countHandshakes(text)
	if err != nil {
		return nil, usage(schemas.Hint(fmt.Errorf("read evidence %s: %w", path, err), "make it with `lockstep migrate evidence --format json`"))
	}
	return all, nil
}

func countHandshakes(text []byte) (map[string]lint.Handshakes, error) {
	var evidence struct {
		Window *struct {
			To time.Time `json:"to"`
		} `json:"window"`
		Clients []struct {
			Subject string                    `json:"subject"`
			OK      uint64                    `json:"ok"`
			Reasons map[schemas.Reason]uint64 `json:"reasons"`
		} `json:"clients"`
	}
	if err := json.Unmarshal(text, &evidence); err != nil || evidence.Window == nil {
		return nil, errors.New("it is no evidence") // the decoder may quote a value
	}
	all := map[string]lint.Handshakes{}
	for _, row := range evidence.Clients {
		if !schemas.IsTLSSubject(row.Subject) {
			continue
		}
		seen := all[row.Subject]
		seen.Add(schemas.ReasonNone, row.OK)
		for reason, n := range row.Reasons {
			seen.Add(reason, n)
		}
		all[row.Subject] = seen
	}
	return all, nil
}
