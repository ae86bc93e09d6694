package schemas

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A SoundAgent is what is left of a config that the agent refuses for faults
// in some of its listeners.
type SoundAgent struct {
	Agent    *Agent        // with the other listeners, of which there may be none
	Document *Document     // likewise; everything stands where it did
	Faults   map[int]error // of the others, by their index in the file as the agent counts
}

// DecodeSound reads a config that the agent of v0.9 refuses without the
// listeners that are to blame. An error says what is wrong outside of them,
// or joins all there is where that cannot be told apart: an alias may lead
// from one listener into another.
func (c *Checked) DecodeSound() (*SoundAgent, error) {
	byListener, ok := c.listenerViolations()
	switch {
	case len(c.Violations) == 0:
		return nil, fmt.Errorf("config %s: %w", c.doc.Path, ErrUnreadableAgent)
	case !ok:
		return nil, Faults(c.doc.Path, c.Violations)
	}
	sound := &SoundAgent{Document: c.withoutListeners(byListener), Faults: map[int]error{}}
	for i, violations := range byListener {
		sound.Faults[i] = Faults(c.doc.Path, violations)
	}
	agent, err := Piko09.decode(func(into any) error {
		if sound.Document.Root.Decode(into) != nil {
			return ErrUnreadableAgent
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("config %s: %w", c.doc.Path, err)
	}
	sound.Agent = agent
	return sound, nil
}

// listenerViolations groups the violations by the listener they are in. ok is
// false if one is in no listener, or may be in more than one.
func (c *Checked) listenerViolations() (byListener map[int][]Violation, ok bool) {
	byListener = map[int][]Violation{}
	for _, v := range c.Violations {
		rest, inside := strings.CutPrefix(v.Pointer, "/listeners/")
		word, _, _ := strings.Cut(rest, "/")
		i, err := strconv.Atoi(word)
		if !inside || err != nil || v.Keyword == aliasKeyword {
			return nil, false
		}
		byListener[i] = append(byListener[i], v)
	}
	return byListener, true
}

// withoutListeners is the document with a list of listeners of its own, from
// which some are missing. Without a violation elsewhere there is such a list.
func (c *Checked) withoutListeners(drop map[int][]Violation) *Document {
	key, node := c.Nodes("/listeners")
	list, kept := *node, []*yaml.Node(nil)
	for i, it := range find(c.root, "/listeners").items {
		if len(drop[i]) == 0 {
			kept = append(kept, it.node)
		}
	}
	list.Content = kept
	root, doc := *c.doc.Root, *c.doc
	at := slices.IndexFunc(root.Content, func(n *yaml.Node) bool { return n == key })
	if at < 0 { // merged into the document, which a key of its own overrules
		root.Content = slices.Concat(root.Content, []*yaml.Node{key, &list})
	} else {
		root.Content = slices.Concat(root.Content[:at+1], []*yaml.Node{&list}, root.Content[at+2:])
	}
	doc.Root = &root
	return &doc
}
