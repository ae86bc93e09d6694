package runtime

import (
	"bytes"

	"lockstep/schemas"
)

// decoder reads the documents. What does not change from one version to the
// next is done once: the agent's schema is compiled, and policy and rollout
// are read again only when their files have changed.
type decoder struct {
	agent   *schemas.Schema
	policy  kept[schemas.Policy]
	rollout kept[schemas.Rollout]
}

func newDecoder() (*decoder, error) {
	agent, err := schemas.Piko09.Schema()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the schema
	}
	return &decoder{
		agent: agent, policy: kept[schemas.Policy]{decode: schemas.DecodePolicy}, rollout: kept[schemas.Rollout]{decode: schemas.DecodeRollout},
	}, nil
}

// kept is the last document of a kind that was good, with what it says, which
// nobody modifies. A path is always the same within a process.
type kept[T any] struct {
	decode func(*schemas.Document) (*T, error)
	text   []byte
	says   *T // nil at first
}

// read returns what a text says, the same value for the same text.
func (k *kept[T]) read(path string, text []byte) (*T, error) {
	if k.says != nil && bytes.Equal(k.text, text) {
		return k.says, nil
	}
	doc, err := schemas.ParseDocument(path, text)
	if err != nil {
		return nil, err //nolint:wrapcheck // a fault names its place
	}
	says, err := k.decode(doc)
	if err == nil {
		k.text, k.says = text, says
	}
	return says, err
}
