package main

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

// ctlAddress is the process that is asked: unix:PATH or host:port, and whether
// it is to be asked over TLS. An address that is neither is not quoted, as it
// may hold a password.
func ctlAddress(c *cli.Context) (addr string, secure bool, err error) {
	if addr = c.String("admin"); addr == "" {
		return "", false, usage(schemas.Hint(fmt.Errorf("%s needs --admin", commandPath(c)),
			"name the address that `lockstep run --admin` was given, or set LOCKSTEP_ADMIN"))
	}
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
