package migrate

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
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
	const most = 10
	for _, drift := range s.Drift[:min(len(s.Drift), most)] {
		lines = append(lines, "drift: "+drift)
	}
	if left := len(s.Drift) - most; left > 0 {
		lines = append(lines, fmt.Sprintf("drift: and %d more", left))
	}
	lines = append(lines, s.Refused.String())
	if s.Expected > 0 {
		lines = append(lines, fmt.Sprintf("within five weeks: about %s more, of those that have not come, are just repaired or unknown", brief(s.Expected)))
	}
	return append(lines, "next: "+s.next())
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
		return "mend the evidence: nodes that are silent, lines that are missing"
	case StateWaiting:
	}
	if s.Ready != nil {
		return fmt.Sprintf("wait; a step is ready %s if nothing fails until then", minute(*s.Ready))
	}
	return "wait for what the reasons name"
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
