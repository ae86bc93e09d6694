package lint

import (
	"iter"
	"slices"
	"strings"

	"lockstep/schemas"
)

// agents yields the containers that mount the config and, as far as their
// command lines tell, run the real agent.
func (p *Pass) agents() iter.Seq2[*Workload, *Container] {
	return func(yield func(*Workload, *Container) bool) {
		if p.manifest == nil || p.document == nil {
			return
		}
		for i := range p.manifest.Workloads {
			w := &p.manifest.Workloads[i]
			for j := range w.Containers {
				if c := &w.Containers[j]; c.mayBeAgent() && !yield(w, c) {
					return
				}
			}
		}
	}
}

// mayBeAgent reports whether a container runs `piko agent`, or whatever its
// image starts.
func (c *Container) mayBeAgent() bool { return len(c.Words) == 0 || c.isAgent() }

// isAgent reports whether the command line is that of `piko agent`.
func (c *Container) isAgent() bool {
	_, _, hasPath := c.flag("config.path")
	return hasPath || slices.ContainsFunc(c.Words, func(w Word) bool { return w.Text == "agent" })
}

// flag returns a flag of the command line, and its value.
func (c *Container) flag(name string) (at Word, value string, ok bool) {
	for i, w := range c.Words {
		text, isFlag := flagOf(w)
		key, value, hasValue := strings.Cut(text, "=")
		if !isFlag || key != name {
			continue
		}
		if !hasValue && i+1 < len(c.Words) {
			value = c.Words[i+1].Text
		}
		return w, value, true
	}
	return Word{}, "", false
}

// flagOf is what follows the dashes of a flag.
func flagOf(w Word) (text string, ok bool) {
	text = strings.TrimLeft(w.Text, "-")
	return text, text != "" && text != w.Text
}

// outside reports a finding at a place of the manifest. Name tells it from
// others of the rule.
func (p *Pass) outside(span schemas.Span, name, message, hint string) {
	p.at(span, "/"+schemas.EscapePointer(name), message, hint)
	p.findings[len(p.findings)-1].Outside = true
}
