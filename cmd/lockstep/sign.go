package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/internal/accesskey"
	"lockstep/schemas"
)

func (p *process) signCommand() *cli.Command {
	return &cli.Command{
		Name:      "sign",
		Usage:     "print the headers of a signed request, for a check with curl",
		ArgsUsage: "URL --app A --secret REF",
		Description: "The headers are good for one minute and for this URL only:\n\n" +
			"    lockstep sign \"$URL\" --app demo --secret file:demo.key | curl -H @- \"$URL\"\n\n" +
			"A relative path in REF is taken from the working directory.",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "app", Usage: "sign as app `A`", Required: true},
			&cli.StringFlag{Name: "secret", Usage: "with the key kept at `REF`: file:PATH or env:NAME", Required: true},
		},
		Action: p.sign,
	}
}

// sign prints a signature: the one place where lockstep does.
func (p *process) sign(c *cli.Context) error {
	url, err := oneArgument(c, "the URL to sign")
	if err != nil {
		return err
	}
	target, err := requestTarget(url)
	if err != nil {
		return usage(err)
	}
	ref := schemas.SecretRef(c.String("secret"))
	if err := ref.Check(); err != nil {
		return usage(err)
	}
	secret, err := p.secrets(".").Resolve(ref)
	if err != nil {
		return err
	}
	headers, err := accesskey.Sign(secret, c.String("app"), target, p.now())
	if err != nil {
		return usage(err)
	}
	_, err = fmt.Fprintf(p.stdout, "Timestamp: %s\nAuthorization: %s\n", headers.Timestamp, headers.Authorization)
	return err
}

// requestTarget is the part of url that goes over the wire, byte for byte: a
// parsed and rebuilt URL could differ from what a client sends.
func requestTarget(url string) (string, error) {
	scheme, rest, ok := strings.Cut(url, "://")
	if !ok || (scheme != "http" && scheme != "https") || rest == "" {
		return "", schemas.Hint(errors.New("not a URL"), "write http://host/path or https://host/path")
	}
	rest, _, _ = strings.Cut(rest, "#")
	slash := strings.IndexAny(rest, "/?")
	switch {
	case slash < 0:
		return "/", nil
	case rest[slash] == '?':
		return "/" + rest[slash:], nil
	}
	return rest[slash:], nil
}
