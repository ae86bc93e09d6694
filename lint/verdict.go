package lint

import (
	"cmp"
	"slices"

	"lockstep/schemas"
)

// A Verdict is what `piko agent start` makes of a file before it dials.
type Verdict string

// The verdicts.
const (
	Accept  Verdict = "accept"
	Reject  Verdict = "reject"
	Unknown Verdict = "unknown" // it depends on files that were not read
)

// Piko is the verdict of the real agent, v0.9, and in our words why.
type Piko struct {
	Verdict Verdict `json:"verdict"`
	Message string  `json:"message"` // empty if the file is accepted
}

// A refusal is one reason why the agent refuses a file. The agent itself
// stops at the first one, in an order of its own.
type refusal struct {
	pointer string
	span    schemas.Span
	reason  string // what is wrong
	hint    string
	covered bool // a rule of its own reports it
}

// judge returns the verdict. Refusals are in the order of their place; unread
// lists the files that might make another one of it.
func judge(refusals []refusal, unread []unreadFile) Piko {
	switch {
	case len(refusals) > 0:
		return Piko{Verdict: Reject, Message: refusals[0].reason}
	case len(unread) > 0:
		return Piko{Verdict: Unknown, Message: unread[0].err.Error()}
	}
	return Piko{Verdict: Accept}
}

// withViolations joins what validation found with what the schema found,
// which the rules P002 to P005 report: a fault that both see counts once.
func withViolations(refusals []refusal, violations []schemas.Violation) []refusal {
	seen := map[string]bool{}
	var all []refusal
	for _, v := range violations {
		seen[v.Pointer] = true
		if v.Keyword == "required" {
			seen[v.Pointer+"/"+v.Name] = true
		}
		all = append(all, refusal{pointer: v.Pointer, span: v.Span, reason: v.Message, covered: true})
	}
	for _, r := range refusals {
		if !seen[r.pointer] {
			all = append(all, r)
		}
	}
	slices.SortStableFunc(all, func(a, b refusal) int {
		return cmp.Or(byPlace(a.span, b.span), cmp.Compare(a.pointer, b.pointer))
	})
	return all
}
