package lint

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"lockstep/schemas"
)

// resolveTier returns the tier that a file is judged by. Whoever names a tier
// has to name the same one; if nobody does, a Kubernetes manifest may tell it,
// and else it is production, the strictest, and known is false.
func resolveTier(in Input) (tier schemas.Tier, known bool, err error) {
	comment, err := commentTier(in.Document)
	if err != nil {
		return "", false, err
	}
	claims := []schemas.TierClaim{
		{Source: "--tier", Tier: in.Tier},
		{Source: "the comment in the file", Tier: comment},
	}
	if in.Policy != nil {
		claims = append(claims, schemas.TierClaim{Source: "the policy", Tier: in.Policy.TierOf(in.Path)})
	}
	if in.Rollout != nil {
		claims = append(claims, schemas.TierClaim{Source: "the rollout", Tier: in.Rollout.Tier})
	}
	tier, err = schemas.AgreeOnTier(claims...)
	switch {
	case err != nil:
		return "", false, fmt.Errorf("tier of %s: %w", in.Path, err)
	case tier == "" && in.ManifestTier != "":
		return in.ManifestTier, true, nil
	case tier == "":
		return schemas.TierProduction, false, nil
	}
	return tier, true, nil
}

// commentTier reads the marker `# lockstep: tier=NAME`. It stands on a line
// of its own above the first key: further down, a line that looks like it may
// be part of a text.
func commentTier(doc *schemas.Document) (schemas.Tier, error) {
	if doc == nil || !mayHaveMarker(doc.Source) {
		return "", nil
	}
	var claims []schemas.TierClaim
	for i, line := range doc.Lines() {
		number := i + 1
		if doc.Root != nil && number >= doc.Span(doc.Root).Start.Line {
			break
		}
		name, ok := tierMarker(line)
		if !ok {
			continue
		}
		tier, err := schemas.ParseTier(name)
		if err != nil {
			return "", &schemas.Fault{
				Path: doc.Path, Span: lastWord(number, line, name),
				Message: "the comment names no tier", Remedy: strings.Join(schemas.Hints(err), "; "),
			}
		}
		claims = append(claims, schemas.TierClaim{Source: fmt.Sprintf("line %d", number), Tier: tier})
	}
	tier, err := schemas.AgreeOnTier(claims...)
	if err != nil {
		return "", fmt.Errorf("tier of %s: %w", doc.Path, err)
	}
	return tier, nil
}

// mayHaveMarker saves splitting a file into lines that has no marker. In
// UTF-16, every other byte of a marker is a zero.
func mayHaveMarker(source []byte) bool {
	return bytes.Contains(source, []byte("lockstep:")) || bytes.IndexByte(source, 0) >= 0
}

// tierMarker returns the name in a line that is a tier marker.
func tierMarker(line string) (name string, ok bool) {
	comment, ok := strings.CutPrefix(strings.TrimSpace(line), "#")
	if !ok {
		return "", false
	}
	marker, ok := strings.CutPrefix(strings.TrimSpace(comment), "lockstep:")
	if !ok {
		return "", false
	}
	return strings.CutPrefix(strings.TrimSpace(marker), "tier=")
}

// lastWord spans word, which line ends with.
func lastWord(number int, line, word string) schemas.Span {
	end := utf8.RuneCountInString(strings.TrimRight(line, " \t")) + 1
	return schemas.Span{
		Start: schemas.Position{Line: number, Column: end - utf8.RuneCountInString(word)},
		End:   schemas.Position{Line: number, Column: end},
	}
}
