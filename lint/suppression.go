package lint

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lockstep/schemas"
)

// A suppression is a comment that puts up with findings of some rules for a
// while: `# lockstep:ignore[RULE] reason="…" until=YYYY-MM-DD`. It is for the
// line it ends, or for the line below the comment it stands in. One that is
// wrong in any way, or over, suppresses nothing.
type suppression struct {
	mark   mark
	target int // the line whose findings it is for
	form   string
	rules  []ruleName // as written
	reason string
	until  time.Time // the last day, in UTC; zero if none is given
}

// A ruleName is a word between the brackets.
type ruleName struct {
	id   string
	span schemas.Span
}

const (
	suppressionHint = "write `# lockstep:ignore[RULE] reason=\"…\" until=YYYY-MM-DD`"
	day             = 24 * time.Hour
)

var (
	suppressionForm  = regexp.MustCompile(`^\[([^\]"#]*)\]((?:[ \t]+(?:reason|until)=(?:"[^"]*"|[^ \t"#]+))*)[ \t]*(?:#.*)?$`)
	suppressionField = regexp.MustCompile(`(reason|until)=(?:"([^"]*)"|([^ \t"#]+))`)
)

// readSuppressions returns the suppressions in a document, in the order of
// their lines.
func readSuppressions(doc *schemas.Document) []suppression {
	if doc == nil || !mayHaveMarker(doc.Source) {
		return nil
	}
	lines := doc.Lines()
	var all []suppression
	for _, m := range commentMarks(lines) {
		s := suppression{mark: m, target: targetLine(lines, m.line)}
		s.form = s.parse()
		all = append(all, s)
	}
	return all
}

// targetLine is the line whose findings a comment on a line is about: the
// same, or the first one below that is no comment.
func targetLine(lines []string, line int) int {
	isComment := func(text string) bool { return strings.HasPrefix(strings.TrimLeft(text, " \t"), "#") }
	for line <= len(lines) && isComment(lines[line-1]) {
		line++
	}
	return line
}

// parse reads what follows the mark. It returns what is wrong with its form.
func (s *suppression) parse() (fault string) {
	m := suppressionForm.FindStringSubmatch(s.mark.rest)
	if m == nil {
		return "this suppression cannot be read"
	}
	s.parseRules(m[1])
	fields := map[string]string{}
	for _, field := range suppressionField.FindAllStringSubmatch(m[2], -1) {
		if _, twice := fields[field[1]]; twice {
			return field[1] + " is given twice"
		}
		fields[field[1]] = strings.TrimSpace(field[2] + field[3])
	}
	s.reason = fields["reason"]
	if text, given := fields["until"]; given {
		var err error
		if s.until, err = time.Parse(time.DateOnly, text); err != nil {
			return "until is not a day"
		}
	}
	if slices.ContainsFunc(s.rules, func(r ruleName) bool { return r.id == "" }) {
		return "this suppression names no rule"
	}
	return ""
}

// parseRules reads the words between the brackets, which follow the mark.
func (s *suppression) parseRules(text string) {
	at := s.mark.span.End
	at.Column++ // the bracket
	for word := range strings.SplitSeq(text, ",") {
		id := strings.TrimSpace(word)
		blank := utf8.RuneCountInString(word) - utf8.RuneCountInString(strings.TrimLeft(word, " \t"))
		start := schemas.Position{Line: at.Line, Column: at.Column + blank}
		end := schemas.Position{Line: at.Line, Column: start.Column + utf8.RuneCountInString(id)}
		s.rules = append(s.rules, ruleName{id, schemas.Span{Start: start, End: end}})
		at.Column += utf8.RuneCountInString(word) + 1
	}
}

// expired returns what is wrong with a suppression that cannot be read or
// that was for a time which is over.
func (s *suppression) expired(now time.Time) (fault, hint string) {
	switch {
	case s.form != "":
		return s.form, suppressionHint
	case !s.until.IsZero() && now.UTC().Truncate(day).After(s.until):
		return fmt.Sprintf("this suppression was for the time until %s and suppresses nothing any more", s.until.Format(time.DateOnly)),
			"mend what it is about, or decide anew until when to put up with it"
	}
	return "", ""
}

// unfounded returns what a suppression lacks. How far away its end may be
// depends on the tier; in development it may be any day.
func (s *suppression) unfounded(tier schemas.Tier, now time.Time) (fault, hint string) {
	most, limited := map[schemas.Tier]int{schemas.TierStaging: 180, schemas.TierProduction: 90}[tier]
	switch {
	case s.form != "":
		return "", ""
	case s.reason == "":
		return "this suppression gives no reason and suppresses nothing", "add reason=\"…\" for those who meet it later"
	case s.until.IsZero():
		return "this suppression has no end and suppresses nothing", "add until=YYYY-MM-DD, the last day it is for"
	case limited && s.until.After(now.UTC().Truncate(day).AddDate(0, 0, most)):
		return fmt.Sprintf("this suppression is for more than %d days and suppresses nothing", most),
			fmt.Sprintf("%s takes a day that is at most %d days away", tier, most)
	}
	return "", ""
}

// suppressionFor returns the suppression that f is put up with for.
func (p *Pass) suppressionFor(f *Finding) (*suppression, bool) {
	if f.Outside || !p.suppressible(f.Rule) { // no comment in the config is about another line
		return nil, false
	}
	for i := range p.suppressions {
		if s := &p.suppressions[i]; p.inForce(s) && s.target == f.Span.Start.Line && s.names(f.Rule) {
			return s, true
		}
	}
	return nil, false
}

func (s *suppression) names(id string) bool {
	return slices.ContainsFunc(s.rules, func(r ruleName) bool { return r.id == id })
}

func (p *Pass) inForce(s *suppression) bool {
	expired, _ := s.expired(p.now)
	unfounded, _ := s.unfounded(p.tier, p.now)
	return expired == "" && unfounded == ""
}

// suppressible reports whether findings of a rule can be suppressed in the
// tier of the file. Those about suppressions never are.
func (p *Pass) suppressible(id string) bool {
	if slices.Contains([]string{"M601", "M602", "M603"}, id) {
		return false
	}
	return p.tier != schemas.TierProduction || !slices.ContainsFunc(p.rules, func(r Rule) bool { return r.ID == id && r.Locked })
}

// A Suppressed finding is one that a comment in the file puts up with.
type Suppressed struct {
	Finding
	Reason string
	Until  string // the last day, as YYYY-MM-DD in UTC
}

// suppress takes the suppressed ones out of the findings.
func (p *Pass) suppress() (suppressed []Suppressed) {
	if len(p.suppressions) == 0 {
		return nil
	}
	p.findings = slices.DeleteFunc(p.findings, func(f Finding) bool {
		s, found := p.suppressionFor(&f)
		if found {
			suppressed = append(suppressed, Suppressed{f, s.reason, s.until.Format(time.DateOnly)})
		}
		return found
	})
	return suppressed
}
