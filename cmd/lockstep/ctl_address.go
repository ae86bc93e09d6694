package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// ctlAddress is the process that is asked, see [parseAddress].
func ctlAddress(c *cli.Context) (addr string, secure bool, err error) {
	if addr = c.String("admin"); addr == "" {
		return "", false, noAddress(c)
	}
	return parseAddress(addr)
}

func noAddress(c *cli.Context) error {
	return usage(schemas.Hint(fmt.Errorf("%s needs --admin", commandPath(c)),
		"name the address that `lockstep run --admin` was given, or set LOCKSTEP_ADMIN"))
}

// parseAddress reads unix:PATH or host:port, and whether it is to be asked over
// TLS. An address that is neither is not quoted, as it may hold a password.
func parseAddress(addr string) (_ string, secure bool, err error) {
	if strings.HasPrefix(addr, "unix:") {
		return addr, false, nil
	}
	addr, secure = strings.CutPrefix(strings.TrimPrefix(addr, "http://"), "https://")
	addr = strings.TrimSuffix(addr, "/")
	host, _, err := net.SplitHostPort(addr)
	if err != nil || strings.ContainsAny(host, "@/") {
		return "", false, usage(schemas.Hint(errors.New("--admin is neither unix:PATH nor host:port"),
			"write it as in unix:/run/lockstep.sock, without user and password"))
	}
	return addr, secure, nil
}

// fleetAddresses are those of all processes that are asked: of --admin, and of
// the lines of the files of --nodes. Who is named twice is asked once.
func (p *process) fleetAddresses(c *cli.Context) ([]string, error) {
	all := listOf(c, "admin")
	for _, path := range listOf(c, "nodes") {
		listed, err := readAddresses(path)
		if err != nil {
			return nil, err
		}
		all = append(all, listed...)
	}
	if addr := p.getenv("LOCKSTEP_ADMIN"); len(all) == 0 && addr != "" {
		all = []string{addr}
	}
	if len(all) == 0 {
		return nil, noAddress(c)
	}
	var once []string
	for _, addr := range all {
		if !slices.Contains(once, addr) {
			once = append(once, addr)
		}
	}
	return once, nil
}

// readAddresses reads a list with one address a line; what follows a # is for people.
func readAddresses(path string) ([]string, error) {
	text, err := inputfile.Read(path)
	if err != nil {
		return nil, withStatus(readStatus(err), schemas.Hint(fmt.Errorf("read %s: %w", path, err), "name a file with one address a line, such as 10.0.0.1:9091"))
	}
	var all []string
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if _, _, err := parseAddress(line); err != nil {
			return nil, usage(schemas.Hint(fmt.Errorf("%s:%d: it is neither unix:PATH nor host:port", path, number),
				"write one address a line, without user and password"))
		}
		all = append(all, line)
	}
	if len(all) == 0 {
		return nil, usage(schemas.Hint(fmt.Errorf("%s names no node", path), "write one address a line, such as 10.0.0.1:9091"))
	}
	return all, nil
}
