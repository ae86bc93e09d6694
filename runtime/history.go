package runtime

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"lockstep/runtime/admin"
)

// A side is one of the two that a diff compares: a version that is kept, or
// what is on disk.
type side struct {
	name  string
	texts map[string]string // documents by role
	notes map[string]string // why there is no text, by role
	files map[string]string // digests by path
	part  bool              // files that only a bad document names are missing
}

// versionSide is a version that is kept.
func (s *Server) versionSide(number int) (*side, error) {
	v := s.state.load(number)
	if v == nil {
		return nil, noVersion(number)
	}
	out := &side{name: fmt.Sprintf("version %d", number), files: v.Files, texts: map[string]string{}, notes: map[string]string{}}
	for role := range s.opts.paths() {
		doc, ok := v.Documents[role]
		if !ok {
			out.notes[role] = "is not kept in version " + fmt.Sprint(number)
			continue
		}
		out.texts[role] = shown(doc.Text)
	}
	return out, nil
}

// diskSide is what is on disk. A document that makes no sense is not shown, as
// nobody can tell what is secret in it. It is for the goroutine that applies.
func (s *Server) diskSide() *side {
	in := newInputs(&s.opts, s.decoder, s.disk.read)
	faults := map[string]error{
		roleConfig: in.loadConfig(&s.opts), rolePolicy: in.loadPolicy(), roleRollout: in.loadRollout(),
	}
	out := &side{name: "disk", files: in.digests(), texts: map[string]string{}, notes: map[string]string{}}
	for role, path := range s.opts.paths() {
		text, _, err := in.redacted(role, path)
		if err = cmp.Or(faults[role], err); err != nil {
			out.notes[role], out.part = fmt.Sprintf("is not shown, as it is not good: %v", err), true
			continue
		}
		out.texts[role] = shown(text)
	}
	return out
}

// diff compares two versions. A to of 0 is what is on disk, a from of 0 the
// version that is served.
func (s *Server) diff(from, to int) (*admin.Diff, error) {
	if s.state.dir == "" {
		return nil, noState()
	}
	if from == 0 {
		from = s.current.Load().version.Number
	}
	a, err := s.versionSide(from)
	if err != nil {
		return nil, err
	}
	b := s.diskSide()
	if to != 0 {
		if b, err = s.versionSide(to); err != nil {
			return nil, err
		}
	}
	return s.compare(a, b), nil
}

func (s *Server) compare(a, b *side) *admin.Diff {
	d := &admin.Diff{Format: admin.FormatVersion, From: a.name, To: b.name, Files: []string{}, Notes: []string{}}
	var text strings.Builder
	paths := s.opts.paths()
	for _, role := range slices.Sorted(maps.Keys(paths)) {
		skipped := false
		for _, one := range []*side{a, b} {
			if note, ok := one.notes[role]; ok {
				d.Notes, skipped = append(d.Notes, fmt.Sprintf("%s %s", role, note)), true
			}
		}
		if !skipped {
			text.Write(diff.Diff(paths[role]+" ("+a.name+")", []byte(a.texts[role]), paths[role]+" ("+b.name+")", []byte(b.texts[role])))
		}
	}
	d.Text = text.String()
	d.Files = append(d.Files, changedFiles(a, b)...)
	return d
}

// changedFiles names the inputs that differ.
func changedFiles(a, b *side) (names []string) {
	all := maps.Clone(a.files)
	maps.Copy(all, b.files)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		before, known := a.files[path]
		after, still := b.files[path]
		if (known || !a.part) && (still || !b.part) && (before != after || known != still) {
			names = append(names, path)
		}
	}
	return names
}
