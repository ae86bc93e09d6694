package lint

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"lockstep/schemas"
)

// A Finding is one thing that a rule has found in a file.
type Finding struct {
	Rule       string        // its id
	Slug       string        // of the rule
	Severity   schemas.Level // info, warning or error
	Path       string        // of the file
	Within     string        // names the config in a Kubernetes manifest, as [Input.Within] does
	Span       schemas.Span  // of the token that is wrong
	Outside    bool          // Span is in the manifest around the config, which is right by itself
	Pointer    string        // JSON pointer to the value; null list items do not count
	EndpointID string        // of the listener it is in, if any
	Message    string
	Hint       string // what to do about it; may be empty
	Admit      bool   // may `lockstep run` load the file?
	Fix        *Fix   // nil if none is known
	Related    []Related
	Snippet    Snippet // of the line where Span begins
	Touched    bool    // it was there at [Input.Since] too, on a line that has changed
}

// A Related place helps to understand a finding that is elsewhere in the file.
type Related struct {
	Span    schemas.Span
	Message string
	Snippet Snippet
}

// Listener is the index of the listener that the finding is in, as the agent
// counts: null items are gone. ok is false for a finding in another part of
// the file.
func (f *Finding) Listener() (index int, ok bool) { return listenerIndex(f.Pointer) }

func listenerIndex(pointer string) (index int, ok bool) {
	rest, ok := strings.CutPrefix(pointer, "/listeners/")
	if !ok {
		return 0, false
	}
	word, _, _ := strings.Cut(rest, "/")
	index, err := strconv.Atoi(word)
	return index, err == nil
}

// sorted orders findings by place; those at one place stay in the order of
// the rules.
func sorted(findings []Finding) []Finding {
	slices.SortStableFunc(findings, func(a, b Finding) int { return byPlace(a.Span, b.Span) })
	return findings
}

func byPlace(a, b schemas.Span) int {
	return cmp.Or(cmp.Compare(a.Start.Line, b.Start.Line), cmp.Compare(a.Start.Column, b.Start.Column))
}

// A Report is all there is to say about one file.
type Report struct {
	Path       string       // of the file, and what names the config within a manifest
	Kind       schemas.Kind // [schemas.KindAgent] or [schemas.KindRollout]
	Piko       Piko         // empty for a rollout file, which the agent never reads
	Tier       schemas.Tier // that the file was judged by
	Findings   []Finding    // in the order of their place
	Suppressed []Suppressed // no part of Findings
	Known      []Finding    // that the baseline holds; no part of Findings
	Unchanged  []Finding    // that are no newer than [Input.Since]; no part of Findings

	// Listeners is the inventory, if [Input.Inventory] asked for one. It is nil
	// if the agent cannot decode the file.
	Listeners []Listener

	// Served are its endpoints, if [Input.Rollout] is set; nil if they cannot be
	// told.
	Served Served

	// Of the upstreams, if [Input.Probes] is set: those to be probed, and why
	// some did not answer, so that the file could not be judged to the end.
	Targets    []ProbeTarget
	Unanswered []*schemas.Fault
}

// Refusals lists the findings that keep `lockstep run` from loading the file,
// or from loading one of its listeners, see [Finding.Listener]. All others
// are alarms. No suppression and no baseline changes what is loaded.
func (r *Report) Refusals() []Finding {
	var refusals []Finding
	for _, f := range slices.Concat(r.Findings, r.Known, r.Unchanged) {
		if !f.Admit {
			refusals = append(refusals, f)
		}
	}
	for _, s := range r.Suppressed {
		if !s.Admit {
			refusals = append(refusals, s.Finding)
		}
	}
	return sorted(refusals)
}

// A Summary counts over many files.
type Summary struct {
	Files    int `json:"files"` // agent configs
	Rollouts int `json:"rollouts"`
	Errors   int `json:"errors"`
	Warnings int `json:"warnings"`
	Infos    int `json:"infos"`

	Suppressed int `json:"suppressed"` // in none of the numbers above
	Known      int `json:"baseline"`   // and neither are these
	Unchanged  int `json:"unchanged"`
}

// Summarize counts the findings of reports.
func Summarize(reports []*Report) Summary {
	var s Summary
	for _, r := range reports {
		if r.Kind == schemas.KindRollout {
			s.Rollouts++
		} else {
			s.Files++
		}
		s.Suppressed += len(r.Suppressed)
		s.Known += len(r.Known)
		s.Unchanged += len(r.Unchanged)
		for _, f := range r.Findings {
			switch f.Severity {
			case schemas.LevelError:
				s.Errors++
			case schemas.LevelWarning:
				s.Warnings++
			case schemas.LevelInfo:
				s.Infos++
			case schemas.LevelOff: // is never reported
			}
		}
	}
	return s
}

// Worst is the level of the worst finding, [schemas.LevelOff] if there is none.
func (s Summary) Worst() schemas.Level {
	switch {
	case s.Errors > 0:
		return schemas.LevelError
	case s.Warnings > 0:
		return schemas.LevelWarning
	case s.Infos > 0:
		return schemas.LevelInfo
	}
	return schemas.LevelOff
}
