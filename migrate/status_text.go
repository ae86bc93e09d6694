package migrate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"lockstep/schemas"
)

// WriteJSON writes the status for programs.
func (s *Status) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(s); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}

// WriteText writes the status for people.
func (s *Status) WriteText(w io.Writer) error {
	text := &strings.Builder{}
	fmt.Fprintf(text, "%s\n", s.title())
	for _, line := range s.summary() {
		fmt.Fprintf(text, "%s\n", line)
	}
	s.writeSubjects(text)
	if _, err := io.WriteString(w, text.String()); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}

func (s *Status) title() string {
	return fmt.Sprintf("%s (%s) at %s: %s", printable(s.Environment), s.Tier, minute(s.At), s.State)
}

// summary says the same in sentences: how many subjects are where, who would
// be refused, and what to do next.
func (s *Status) summary() []string {
	lines := []string{s.counts()}
	lines = append(lines, labelled("drift", s.Drift)...)
	lines = append(lines, labelled("unknown", s.Unknown)...)
	lines = append(lines, s.Refused.String())
	if s.Expected > 0 {
		lines = append(lines, fmt.Sprintf("within five weeks: about %s more, of those that have not come, are just repaired or unknown", brief(s.Expected)))
	}
	return append(lines, "next: "+s.next())
}

// labelled puts a word before each of the first few texts.
func labelled(word string, texts []string) []string {
	const most = 10
	var lines []string
	for _, text := range texts[:min(len(texts), most)] {
		lines = append(lines, word+": "+text)
	}
	if left := len(texts) - most; left > 0 {
		lines = append(lines, fmt.Sprintf("%s: and %d more", word, left))
	}
	return lines
}

func (s *Status) counts() string {
	var parts []string
	for _, state := range []State{StateReady, StateWaiting, StateBlocked, StateInconclusive} {
		if n := s.Count(state); n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	if s.Enforced > 0 {
		parts = append(parts, fmt.Sprintf("%d enforced", s.Enforced))
	}
	if len(parts) == 0 {
		return "subjects: none"
	}
	return "subjects: " + strings.Join(parts, ", ")
}

// next is what a person would do now.
func (s *Status) next() string {
	switch s.State {
	case StateDrift:
		return "find out who changed it; the next apply or rollback records a file that was edited by hand"
	case StateDone:
		return "nothing; every subject is enforced"
	case StateReady:
		return "make a plan with `lockstep migrate plan` and apply it"
	case StateBlocked:
		return "mend the clients that would be refused; `lockstep migrate explain CLIENT` says how"
	case StateInconclusive:
		return s.nextEvidence()
	case StateWaiting:
	}
	if s.Ready != nil {
		return fmt.Sprintf("wait; a step is ready %s if nothing fails until then", minute(*s.Ready))
	}
	return "wait for what the reasons name"
}

// nextEvidence says what is missing to tell, and where it comes from.
func (s *Status) nextEvidence() string {
	var silent []string // upstreams without a handshake
	for _, subject := range s.Subjects {
		if subject.State == StateInconclusive && strings.HasPrefix(subject.Subject, "tls/") && subject.To == schemas.ModeEnforce && subject.Clients == 0 {
			silent = append(silent, subject.Subject)
		}
	}
	switch {
	case len(s.Unknown) > 0:
		return "put the secrets where their references lead, or ask where they are"
	case len(silent) > 0:
		return fmt.Sprintf("get tallies of %s into the logs: `lockstep run --rollout FILE --events FILE` writes them, for handshakes of its own too, "+
			"at least once an hour while it serves the endpoint with https and verifies it; the log of another proxy has none", some(silent))
	}
	return "mend the evidence: nodes that are silent, lines that are missing"
}

func (s *Status) writeSubjects(w io.Writer) {
	for _, subject := range s.Subjects {
		fmt.Fprintf(w, "\n%s  %s → %s: %s\n", subject.Subject, subject.From, subject.To, subject.State)
		for _, reason := range subject.Reasons {
			fmt.Fprintf(w, "  %s\n", reason)
		}
		if subject.Ready != nil {
			fmt.Fprintf(w, "  ready %s if nothing fails until then\n", minute(*subject.Ready))
		}
	}
}
