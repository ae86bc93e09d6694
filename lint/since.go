package lint

import (
	"bytes"
	"slices"

	"lockstep/schemas"
)

// Since says what of a file is newer than an earlier version of it.
type Since struct {
	Lines []LineRange // that have changed, as git counts lines
	Known *Baseline   // of the earlier version
}

// A LineRange is a number of lines that follow each other.
type LineRange struct{ First, Count int }

// split tells findings on changed lines, and those that the earlier version
// did not have, from the others. What is wrong may come from another line than
// the one where it is reported, even from one that is gone.
func (s *Since) split(doc *schemas.Document, around *Manifest, path string, findings []Finding) (unchanged, changed []Finding) {
	if s == nil || doc == nil {
		return nil, findings
	}
	known, changed, _ := s.Known.match(path, findings)
	for _, f := range known {
		in := doc
		if f.Outside {
			in = around.Document
		}
		if s.has(gitLine(in, f.Span.Start)) {
			f.Touched = true
			changed = append(changed, f)
		} else {
			unchanged = append(unchanged, f)
		}
	}
	return unchanged, sorted(changed)
}

func (s *Since) has(line int) bool {
	return slices.ContainsFunc(s.Lines, func(r LineRange) bool { return line >= r.First && line < r.First+r.Count })
}

// gitLine is the number of a line for git, which knows one kind of line break
// where YAML knows five.
func gitLine(doc *schemas.Document, at schemas.Position) int {
	return 1 + bytes.Count(doc.Bytes()[:doc.Offset(at)], []byte("\n"))
}
