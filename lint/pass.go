package lint

import (
	"fmt"
	"io/fs"
	"iter"
	"net/url"
	"slices"
	"strings"
	"time"

	"lockstep/schemas"
)

// A Pass is what is known about one file, and what has been found in it. The
// rules share it, one after the other.
type Pass struct {
	path, within string
	version      schemas.PikoVersion
	tier         schemas.Tier
	tierKnown    bool
	policy       *schemas.Policy // or nil
	rules        []Rule
	now          time.Time           // zero if nothing is to be said of what expires
	expansion    *schemas.Expansion  // nil unless variables were put in
	commented    []bool              // of the placeholders of expansion
	document     *schemas.Document   // nil if the file is not YAML
	checked      *schemas.Checked    // nil if document is
	violations   []schemas.Violation // of the schema, each mistake once; none if the file is blank
	drifted      map[spotted]bool    // those that other versions of Piko do not see
	agent        *schemas.Agent      // nil if the agent cannot decode the file
	all          []listener          // of agent
	connectURL   *url.URL            // parsed; nil if agent is, or if it is no URL
	proxyURL     *url.URL            // likewise
	rollout      *rolloutState       // nil unless the file is a rollout file
	stages       *schemas.Rollout    // what is rolled out around the file, or nil
	handshakes   map[string]Handshakes
	others       []RolloutFile // that are judged in the same run
	served       Served        // by the configs of the same run; nil if that is not known
	manifest     *Manifest     // around the config; nil if there is none
	materials    []material    // what its tls mappings lead to; none if agent is nil
	looksAtFiles bool
	stat         func(string) (fs.FileInfo, error) // or nil
	unread       []unreadFile
	piko         Piko
	refusals     []refusal // why piko.Verdict is Reject, in the order of their place

	usable  []located // see upstreams; nil until somebody asks
	trusted []peer    // see peers; nil until somebody asks
	probed  []probed  // listeners whose upstreams were or should have been probed

	suppressions []suppression
	baseline     *Baseline // or nil

	rule     *Rule // whose turn it is
	severity schemas.Level
	findings []Finding
	full     bool // there were more
}

// read takes in a document, up to the real agent's verdict.
func (p *Pass) read(in Input, c *Checker) error {
	p.setExpansion(in.Document.Expansion)
	p.document, p.checked = in.Document, in.Checked
	if p.checked == nil {
		p.checked = c.schema.Check(in.Document)
	}
	if slices.ContainsFunc(p.checked.Violations, func(v schemas.Violation) bool { return v.Keyword == schemas.LimitKeyword }) {
		return tooManyFindings(in.Path)
	}
	p.stat, p.looksAtFiles = in.Stat, in.looksAtFiles()
	if !blank(in.Document) {
		p.violations = withoutMisspelt(p.checked.Violations)
	}
	if len(p.violations) > 0 {
		other, err := c.other.Schema()
		if err != nil {
			return fmt.Errorf("lint %s: %w", in.Path, err)
		}
		p.drifted = drift(p.violations, other.Check(in.Document).Violations)
	}
	agent, err := p.decode()
	v := validation{checked: p.checked, read: in.reader(), parse: c.bundles.parse}
	if err != nil {
		v.undecodable(err, len(p.violations) > 0)
	} else {
		p.agent, p.all = agent, newListeners(agent)
		p.connectURL, _ = url.Parse(agent.Connect.URL) // nil is refused
		p.proxyURL, _ = url.Parse(agent.Connect.ProxyURL)
		v.agent(p)
		p.materials, p.unread = v.materials, v.unread
	}
	if err != nil || len(v.refusals) > 0 {
		p.refusals = withViolations(v.refusals, p.violations)
	}
	p.piko = judge(p.refusals, v.unread)
	return nil
}

// decode reads the config as the agent does. Duplicate keys are known to be
// refused, and the YAML library takes quadratic time to say so.
func (p *Pass) decode() (*schemas.Agent, error) {
	for _, v := range p.violations {
		if v.Keyword == "duplicateKey" {
			return nil, schemas.ErrUnreadableAgent
		}
	}
	return p.checked.DecodeAgent(p.version)
}

func (p *Pass) setExpansion(e *schemas.Expansion) {
	if e != nil {
		p.expansion, p.commented = e, e.Commented()
	}
}

// placeholders are those of variables that were put in where it matters.
func (p *Pass) placeholders() []schemas.Placeholder { return p.placeholdersWhere(false) }

// placeholdersWhere are those in comments, or those elsewhere.
func (p *Pass) placeholdersWhere(commented bool) []schemas.Placeholder {
	if p.expansion == nil {
		return nil
	}
	var all []schemas.Placeholder
	for i, c := range p.commented {
		if c == commented {
			all = append(all, p.expansion.Placeholders[i])
		}
	}
	return all
}

// listeners yields each listener with its JSON pointer; none if the agent
// cannot decode the file.
func (p *Pass) listeners() iter.Seq2[string, *listener] {
	return func(yield func(string, *listener) bool) {
		for i := range p.all {
			if !yield(p.all[i].at, &p.all[i]) {
				return
			}
		}
	}
}

// atValue reports a finding at the value at pointer.
func (p *Pass) atValue(pointer, message, hint string) {
	_, value := p.checked.Place(pointer)
	p.at(value, pointer, message, hint)
}

// atKey reports a finding at the key of the value at pointer.
func (p *Pass) atKey(pointer, message, hint string) {
	key, _ := p.checked.Place(pointer)
	p.at(key, pointer, message, hint)
}

// at reports a finding, and places that help to understand it.
func (p *Pass) at(span schemas.Span, pointer, message, hint string, related ...Related) {
	if p.full = len(p.findings) == maxFindings; p.full {
		return
	}
	p.findings = append(p.findings, Finding{
		Rule: p.rule.ID, Slug: p.rule.Slug, Severity: p.severity, Admit: p.rule.Admit,
		Path: p.path, Within: p.within, Span: span, Pointer: pointer, EndpointID: p.endpointID(pointer),
		Message: message, Hint: hint, Related: related,
	})
}

// atViolations reports the violations of the given keywords as they are,
// unless they come with a version of Piko.
func (p *Pass) atViolations(keywords ...string) {
	for _, v := range p.violations {
		if !p.drifted[spottedAs(v)] && slices.Contains(keywords, v.Keyword) {
			var related []Related
			if v.First.Start.Line > 0 {
				related = append(related, Related{Span: v.First, Message: "the first one is here"})
			}
			p.at(v.Span, pointerOf(v), v.Message, v.Hint, related...)
			p.mend(true, v.Edits)
		}
	}
}

// pointerOf leads to the value itself, where v stands at its parent.
func pointerOf(v schemas.Violation) string {
	if v.Name == "" {
		return v.Pointer
	}
	return v.Pointer + "/" + schemas.EscapePointer(v.Name)
}

// endpointID names the listener that pointer leads into.
func (p *Pass) endpointID(pointer string) string {
	i, ok := listenerIndex(pointer)
	if !ok {
		return ""
	}
	id, _ := p.checked.Name(fmt.Sprintf("/listeners/%d/endpoint_id", i))
	return id
}

// shown is a text as a report may show it: where a variable stands in what is
// at pointer, with the text of the file.
func (p *Pass) shown(pointer, text string) string {
	if name, ok := p.checked.Name(pointer); ok && p.checked.Expanded(pointer) {
		return name
	}
	return text
}

// stands reports whether part of the text at pointer is in the file as it is,
// and did not come from a variable.
func (p *Pass) stands(pointer, part string) bool {
	return strings.Contains(p.shown(pointer, part), part)
}

// withoutMisspelt drops the violations that say of a key that it is missing
// where an unknown key beside it is the same one misspelt: one mistake, which
// is reported once, with the right spelling.
func withoutMisspelt(violations []schemas.Violation) []schemas.Violation {
	unknown := map[string][]string{} // by the pointer to the mapping
	for _, v := range violations {
		if v.Keyword == "additionalProperties" {
			unknown[v.Pointer] = append(unknown[v.Pointer], v.Name)
		}
	}
	return slices.DeleteFunc(slices.Clone(violations), func(missing schemas.Violation) bool {
		return missing.Keyword == "required" && slices.ContainsFunc(unknown[missing.Pointer], func(name string) bool {
			_, near := schemas.Nearest(name, []string{missing.Name})
			return near
		})
	})
}

// blank reports whether the first document of a file holds nothing: it is
// empty or a null. The agent's verdict says all there is to say then.
func blank(doc *schemas.Document) bool {
	return doc.Root == nil || doc.Root.ShortTag() == "!!null"
}
