package main

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

// The scripts ask lockstep itself what may come next, so that they need no
// update when a command or flag is added.
const (
	bashCompletion = `_lockstep() {
  local word="${COMP_WORDS[COMP_CWORD]}" line=("${COMP_WORDS[@]:0:COMP_CWORD}")
  [[ "$word" == -* ]] && line+=("$word")
  COMPREPLY=($(compgen -W "$("${line[@]}" --generate-bash-completion 2>/dev/null)" -- "$word"))
}
complete -o default -F _lockstep lockstep
`
	zshCompletion = `#compdef lockstep
_lockstep() {
  local -a line found
  line=("${words[@]:0:$CURRENT-1}")
  [[ "${words[CURRENT]}" == -* ]] && line+=("${words[CURRENT]}")
  found=("${(@f)$(_CLI_ZSH_AUTOCOMPLETE_HACK=1 "${line[@]}" --generate-bash-completion 2>/dev/null)}")
  if [[ -n "$found" ]]; then _describe 'values' found; else _files; fi
}
compdef _lockstep lockstep
`
)

func (p *process) completionCommand() *cli.Command {
	shells := []string{"bash", "zsh", "fish"}
	return &cli.Command{
		Name:         "completion",
		Usage:        "print a completion script for a shell",
		ArgsUsage:    strings.Join(shells, "|"),
		Description:  "For bash: `source <(lockstep completion bash)`. For fish: `lockstep completion fish | source`.",
		BashComplete: func(*cli.Context) { fmt.Fprintln(p.stdout, strings.Join(shells, "\n")) },
		Action: func(c *cli.Context) error {
			shell, err := oneArgument(c, "the name of a shell")
			if err != nil {
				return err
			}
			script, err := completionScript(c.App, shell)
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(p.stdout, script)
			return err
		},
	}
}

func completionScript(app *cli.App, shell string) (string, error) {
	switch shell {
	case "bash":
		return bashCompletion, nil
	case "zsh":
		return zshCompletion, nil
	case "fish":
		return app.ToFishCompletion()
	default:
		return "", usage(schemas.Hint(fmt.Errorf("there is no completion for %q", shell), "use one of bash, zsh, fish"))
	}
}
