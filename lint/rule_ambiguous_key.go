package lint

import (
	"fmt"
	"slices"
)

// ambiguousKey is K815.
func ambiguousKey() Rule {
	return Rule{
		ID:    "K815",
		Slug:  "ambiguous-key",
		Title: "a key is listed twice, an app is spelt in two ways, or two apps share a secret",
		Doc: "Apollo looks apps up without regard to case: `Demo` and `demo` are one app, and keys that are told apart by case only are one key. " +
			"Two apps with the same secret can sign for each other, and revoking it for one revokes it for both.",
		Levels: alwaysError(),
		Admit:  true,
		Check: func(p *Pass) {
			for _, v := range p.rolloutViolations() {
				if v.Keyword == "duplicateKey" && v.Pointer == "/subjects" {
					p.at(v.Span, v.Pointer, v.Message, v.Hint, Related{Span: v.First, Message: "the first one is here"})
				}
			}
			keys := p.rolloutKeys()
			for i, k := range keys {
				checkAmbiguous(p, k, keys[:i])
			}
		},
	}
}

// checkAmbiguous compares a key with those above it.
func checkAmbiguous(p *Pass, k rolloutKey, above []rolloutKey) {
	find := func(like func(rolloutKey) bool) (Related, bool) {
		i := slices.IndexFunc(above, like)
		if i < 0 {
			return Related{}, false
		}
		return Related{Span: above[i].place, Message: "the other one is here"}, true
	}
	other := func(o rolloutKey) bool { return o.App != k.App && o.Fold().App == k.Fold().App }
	if related, found := find(func(o rolloutKey) bool { return other(o) && o.ID == k.ID }); found {
		p.at(k.place, k.at, fmt.Sprintf("this key is there already, on line %d: Apollo ignores the case of apps", related.Span.Start.Line), "keep one of the two", related)
	} else if related, found := find(other); found {
		p.at(k.place, k.at, fmt.Sprintf("this app is spelt in another way on line %d, and Apollo ignores the case of apps", related.Span.Start.Line), "spell it in one way", related)
	}
	if related, found := find(func(o rolloutKey) bool { return o.Fold().App != k.Fold().App && o.secret == k.secret }); found && k.secret.Check() == nil {
		_, secret := p.checked.Place(k.at + "/secret")
		p.at(secret, k.at+"/secret", fmt.Sprintf("the app of line %d has the same secret", related.Span.Start.Line), "make one for each app", related)
	}
}
