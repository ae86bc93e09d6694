package lint

import (
	"embed"
	"strings"

	"lockstep/schemas"
)

// The pages are copies of docs/rules, as no file above a package can be
// embedded. A test keeps them equal.
//
//go:embed pages/*.md
var pages embed.FS

// Page is the documentation of a rule in Markdown, with a bad and a good
// example.
func (r *Rule) Page() string {
	text, err := pages.ReadFile("pages/" + r.ID + ".md")
	if err != nil {
		return r.Doc + "\n" // it is not written yet
	}
	return string(text)
}

// pageURL is where the page of a rule is, under the URL of all pages.
func pageURL(docs, rule string) string {
	return strings.TrimSuffix(docs, "/") + "/" + rule + ".md"
}

// Tags say what a rule is about, by the family that its id begins with.
func (r *Rule) Tags() []string {
	switch r.ID[:1] {
	case "P":
		return []string{"piko"}
	case "A":
		return []string{"address"}
	case "T", "N":
		return []string{"security", "tls"}
	case "S":
		return []string{"security", "secret"}
	case "K":
		return []string{"rollout"}
	case "H":
		return []string{"operation"}
	case "E":
		return []string{"environment"}
	default:
		return []string{"lint"}
	}
}

// strictest is the level of a rule in production.
func (r *Rule) strictest() schemas.Level { return r.Levels[schemas.TierProduction] }
