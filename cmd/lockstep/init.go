package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

const policyName = "lockstep.yaml"

func (p *process) initCommand() *cli.Command {
	return &cli.Command{
		Name:      "init",
		Usage:     "write a first lockstep.yaml for a Piko agent config",
		ArgsUsage: "AGENT.yaml",
		Description: "It writes lockstep.yaml to the working directory, with each endpoint of AGENT.yaml, and\n" +
			"touches nothing else. A lockstep.yaml that is there already stays as it is.",
		Action: p.init,
	}
}

func (p *process) init(c *cli.Context) error {
	path, err := oneArgument(c, "the path of a Piko agent config")
	if err != nil {
		return err
	}
	doc, err := readDocument(path)
	if err != nil {
		return withStatus(readStatus(err), err)
	}
	agent, err := schemas.DecodeAgent(doc)
	if err != nil {
		return usage(schemas.Hint(fmt.Errorf("%s: %w", path, err), fmt.Sprintf("`lockstep lint %s` says where and why", path)))
	}
	if err := writeNew(policyName, firstPolicy(path, agent)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "wrote %s; next: lockstep lint --policy %s %s\n", policyName, policyName, path)
	return err
}

// writeNew writes a file that must not be there yet.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return usage(schemas.Hint(fmt.Errorf("%s is there already", path), "edit it, or move it away first"))
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(err, os.Remove(path)) // half of it would keep the whole out
	}
	return err
}

// firstPolicy lists the endpoints of an agent with nothing demanded of their
// callers yet.
func firstPolicy(path string, agent *schemas.Agent) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `# What lockstep demands, and where. `+"`lockstep schema policy`"+` prints all that fits here.
version: 1

# Which files belong to which tier; the first match wins.
tiers:
  - path: %s
    tier: production # development, staging or production

# How callers are authenticated, by endpoint id. For Apollo's access keys:
#   auth: apollo
#   app_from: apollo # or app: NAME
listeners:
`, strconv.Quote(filepath.ToSlash(filepath.Clean(path))))
	seen := map[string]bool{}
	for _, l := range agent.Listeners {
		if !seen[l.EndpointID] {
			seen[l.EndpointID] = true
			fmt.Fprintf(&b, "  %s:\n    auth: none\n", strconv.Quote(l.EndpointID))
		}
	}
	if len(seen) == 0 {
		b.WriteString("  {}\n")
	}
	return b.Bytes()
}
