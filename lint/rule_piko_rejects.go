package lint

import "fmt"

// pikoRejects is P001.
func pikoRejects() Rule {
	return Rule{
		ID:    "P001",
		Slug:  "piko-rejects",
		Title: "the real agent refuses this file",
		Doc: "`piko agent start` exits with status 1 when it reads this file, so no listener of it comes up. " +
			"The agent stops at the first fault and names no line; here each fault stands at its place.",
		Levels: alwaysError(),
		Locked: true,
		Check:  checkPikoRejects,
	}
}

// checkPikoRejects reports every fault that no other rule reports, or the
// first fault if others report them all, so that P001 is there exactly when
// the agent refuses the file.
func checkPikoRejects(p *Pass) {
	if len(p.refusals) == 0 {
		return
	}
	says := fmt.Sprintf("`piko agent start` v%s refuses this file: ", p.version)
	reported := false
	for _, r := range p.refusals {
		if !r.covered {
			p.at(r.span, r.pointer, says+r.reason, r.hint)
			reported = true
		}
	}
	if !reported {
		first := p.refusals[0]
		p.at(first.span, first.pointer, says+first.reason, "")
	}
}
