package runtime

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"

	"lockstep/schemas"
)

// listenerID tells listeners apart from one version of a config to the next:
// by endpoint id, and those that share one by their order in the file.
type listenerID struct {
	endpoint string // empty if it cannot be read
	ordinal  int    // from 1 on
}

// String is the endpoint id, and from the second of an id on the ordinal, as
// in svc#2.
func (id listenerID) String() string {
	if id.ordinal > 1 {
		return id.endpoint + "#" + strconv.Itoa(id.ordinal)
	}
	return id.endpoint
}

// An entry is one listener as the config has it, good or bad.
type entry struct {
	listenerID
	index int               // in the file, as the agent counts
	spec  *schemas.Listener // nil if the agent could not read it
	err   error             // why it could not
}

// String is the name of the listener: where there is no endpoint id, the place
// has to do.
func (e *entry) String() string {
	if e.endpoint == "" {
		return fmt.Sprintf("listeners[%d]", e.index)
	}
	return e.listenerID.String()
}

// pointer is where the entry stands, as a JSON pointer.
func (e *entry) pointer() string {
	if e.index < 0 {
		return "/listeners"
	}
	return "/listeners/" + strconv.Itoa(e.index)
}

// decode reads the config. Faults of single listeners become theirs alone:
// what the gate gets to see is the document without them.
func (in *inputs) decode(doc *schemas.Document) error {
	in.checked = in.decoder.agent.Check(doc)
	agent, err := in.checked.DecodeAgent(schemas.Piko09)
	switch {
	case err == nil:
		in.config, in.agent = doc, agent
		in.list(nil)
		return nil
	case errors.Is(err, schemas.ErrEmptyAgent):
		return doc.Fault(nil, err.Error(), "write listeners, as in the config of a Piko agent")
	}
	sound, err := in.checked.DecodeSound()
	if err != nil {
		return err //nolint:wrapcheck // a fault names its place
	}
	in.config, in.agent = sound.Document, sound.Agent
	in.list(sound.Faults)
	return nil
}

// list makes the entries: of the listeners that could be read, and between
// them of those that could not.
func (in *inputs) list(faults map[int]error) {
	seen, sound := map[string]int{}, in.agent.Listeners
	for i := range len(sound) + len(faults) {
		e := &entry{index: i, err: faults[i]}
		if e.err == nil {
			e.spec, sound = &sound[0], sound[1:]
			e.endpoint = e.spec.EndpointID
		} else {
			e.endpoint, _ = in.checked.Text(e.pointer() + "/endpoint_id")
		}
		seen[e.endpoint]++
		e.ordinal = seen[e.endpoint]
		in.entries = append(in.entries, e)
	}
}

// atIndex finds the entry of the listener that stands at an index of
// in.config, in which those that could not be read are missing.
func (in *inputs) atIndex(index int) *entry {
	for _, e := range in.entries {
		if e.err == nil && index == 0 {
			return e
		}
		if e.err == nil {
			index--
		}
	}
	return nil
}

// nameless is the first entry of which nobody knows for which endpoint it is,
// nil if there is none.
func (in *inputs) nameless() *entry {
	for _, e := range in.entries {
		if e.endpoint == "" {
			return e
		}
	}
	return nil
}

// digestOf is over all that a readable entry says, and over the files it
// names. Two entries with one digest make the same listener.
func (in *inputs) digestOf(e *entry) string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%+v\n", *e.spec)
	in.hashTLS(hash, e.spec.TLS)
	return hex.EncodeToString(hash.Sum(nil))
}

// hashTLS adds the files that an entry names to its digest.
func (in *inputs) hashTLS(hash io.Writer, files schemas.TLS) {
	for _, path := range []string{files.Cert, files.Key, files.RootCAs} {
		c := in.files[path]
		fmt.Fprintf(hash, "%q %d %t\n", path, len(c.data), c.err == nil)
		_, _ = hash.Write(c.data)
	}
}

// judged is the config that the gate gets to see, as its schema judges it, or
// nil if listeners are missing in it.
func (in *inputs) judged() *schemas.Checked {
	if len(in.entries) > len(in.agent.Listeners) {
		return nil
	}
	return in.checked
}
