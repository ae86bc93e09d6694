package lint

import "lockstep/schemas"

// nullListItem is P007.
func nullListItem() Rule {
	return Rule{
		ID:    "P007",
		Slug:  "null-list-item",
		Title: "an item of a list is empty and vanishes",
		Doc: "The agent drops an empty item of a list, such as a dash with nothing behind it, without a word. " +
			"Mostly its content was lost: a listener that nobody misses until its requests fail.",
		Levels: sameLevel(schemas.LevelWarning),
		Admit:  true,
		Check: func(p *Pass) {
			if p.checked == nil {
				return
			}
			for _, n := range p.checked.Nulls {
				p.at(n.Span, n.Pointer, "this item is empty, and the agent drops it", "remove it, or write what belongs here")
			}
		},
	}
}
