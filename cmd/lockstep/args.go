package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"lockstep/schemas"
)

// permute moves the flags of each command in front of its positional
// arguments, and those of the program in front of the command, because the
// flag library stops at the first positional and would take
// `lint agent.yaml --tier staging` for three files. Nothing moves across a
// bare `--`.
func permute(app *cli.App, args []string) []string {
	if len(args) == 0 || args[len(args)-1] == "--generate-bash-completion" {
		return args
	}
	front, rest := args[:1:1], args[1:]
	commands, flags := app.Commands, app.Flags
	var words, positionals []string
	help, group := false, true // of commands, which takes no positionals
	for len(rest) > 0 {
		word := rest[0]
		switch sub := findCommand(commands, word); {
		case word == "--":
			return slices.Concat(front, words, positionals, rest)
		case word == "-h" || word == "--help" || word == "-help":
			help, rest = true, rest[1:]
		case findFlag(flags, word) == nil && findFlag(app.Flags, word) != nil:
			n := flagWords(app.Flags, word)
			if n > len(rest) {
				return slices.Concat(front, rest) // the library says that a value is missing
			}
			front, rest = append(front, rest[:n]...), rest[n:]
		case strings.HasPrefix(word, "-") && word != "-":
			n := flagWords(flags, word)
			if n > len(rest) {
				return slices.Concat(front, words, rest)
			}
			words, rest = append(words, rest[:n]...), rest[n:]
		case sub != nil && len(positionals) == 0:
			words, rest = append(words, word), rest[1:]
			commands, flags = sub.Subcommands, sub.Flags
			group = len(commands) > 0 && sub.ArgsUsage == ""
		case group:
			return slices.Concat(front, words, beforeFlags(rest)) // there is no such command, so no flags of it
		default:
			positionals, rest = append(positionals, word), rest[1:]
		}
	}
	if help {
		return append(slices.Concat(front, words), "--help")
	}
	return slices.Concat(front, words, positionals)
}

// beforeFlags are the words up to the first flag.
func beforeFlags(words []string) []string {
	isFlag := func(word string) bool { return strings.HasPrefix(word, "-") }
	if at := slices.IndexFunc(words, isFlag); at >= 0 {
		return words[:at]
	}
	return words
}

func findCommand(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// A list is the value of a flag that may be repeated, one value each time.
type list []string

// sameList is what the library copies from one name of a flag to the other,
// where both are the same list already.
const sameList = "\x00"

// Set implements [cli.Generic].
func (l *list) Set(value string) error {
	if value != sameList {
		*l = append(*l, value)
	}
	return nil
}

// Serialize implements [cli.Serializer].
func (l *list) Serialize() string { return sameList }

func (l *list) String() string { return strings.Join(*l, " ") }

// listFlag is a flag that may be repeated. The library's own kind of it
// prints its name three times over in the help.
func listFlag(f cli.GenericFlag) cli.Flag {
	f.Value = new(list)
	return &f
}

// listOf returns the values that a list flag was given.
func listOf(c *cli.Context, name string) []string {
	if values, ok := c.Generic(name).(*list); ok {
		return *values
	}
	return nil
}

// switchFlag is a flag without a value.
func switchFlag(name, usage string) cli.Flag {
	return &cli.BoolFlag{Name: name, Usage: usage, DisableDefaultText: true}
}

// findFlag returns the flag that word sets, nil if there is none.
func findFlag(flags []cli.Flag, word string) cli.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	if !strings.HasPrefix(word, "-") {
		return nil
	}
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

// flagWords is how many arguments the flag in word takes up: two where its
// value follows it.
func flagWords(flags []cli.Flag, word string) int {
	switch f := findFlag(flags, word).(type) {
	case nil, *cli.BoolFlag:
		return 1
	case *cli.GenericFlag:
		if _, alone := f.Value.(interface{ IsBoolFlag() bool }); alone {
			return 1
		}
	}
	if strings.Contains(word, "=") {
		return 1
	}
	return 2
}

// commandPath is the command as typed, such as "lockstep migrate plan".
func commandPath(c *cli.Context) string {
	if c.Command == nil || c.Command.HelpName == "" {
		return c.App.Name
	}
	return c.Command.HelpName
}

// explainFlag turns the flag library's complaint into ours.
func explainFlag(c *cli.Context, err error) error {
	path := commandPath(c)
	name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -")
	if !unknown {
		text := strings.Replace(err.Error(), " for flag -", " for flag --", 1)
		if name, found := strings.CutPrefix(text, "flag needs an argument: "); found {
			text = "flag needs an argument: --" + strings.TrimLeft(name, "-")
		}
		return schemas.Hint(fmt.Errorf("%s: %s", path, text), fmt.Sprintf("`%s --help` lists the flags", path))
	}
	flags := c.App.Flags
	if c.Command != nil {
		flags = append(slices.Clip(flags), c.Command.Flags...)
	}
	var names []string
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	hint := fmt.Sprintf("`%s --help` lists the flags", path)
	if near, ok := schemas.Nearest(strings.TrimLeft(name, "-"), names); ok {
		hint = fmt.Sprintf("did you mean `--%s`?", near)
	}
	return schemas.Hint(fmt.Errorf("%s has no flag --%s", path, strings.TrimLeft(name, "-")), hint)
}
