package lint

import (
	"io"

	"lockstep/schemas"
)

// catalogueVersion counts the incompatible changes of the format.
const catalogueVersion = 1

type catalogue struct {
	Version int             `json:"version"`
	Rules   []catalogueRule `json:"rules"`
}

type catalogueRule struct {
	ID     string         `json:"id"`
	Slug   string         `json:"slug"`
	Title  string         `json:"title"`
	Doc    string         `json:"doc"`
	Tags   []string       `json:"tags"`
	Levels schemas.Levels `json:"levels"` // by tier
	Admit  bool           `json:"admit"`
}

// WriteCatalogue writes all rules as one JSON document, for programs. Within
// a version no field is removed, renamed or given another meaning.
func WriteCatalogue(w io.Writer) error {
	all := catalogue{Version: catalogueVersion}
	for _, r := range Rules() {
		all.Rules = append(all.Rules, catalogueRule{r.ID, r.Slug, r.Title, r.Doc, r.Tags(), r.Levels, r.Admit})
	}
	return writeJSON(w, all)
}
