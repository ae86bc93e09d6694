package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// inputs are all files that decide what is served, each read once.
type inputs struct {
	files   map[string]content // by path as it is opened
	read    func(path string) ([]byte, error)
	decoder *decoder

	config      *schemas.Document // without the listeners that cannot be read
	agent       *schemas.Agent    // likewise
	entries     []*entry          // all listeners, in the order of the file
	checked     *schemas.Checked  // the config as it was written
	policy      *schemas.Policy   // never nil after a load without error
	rollout     *schemas.Rollout
	rolloutPath string // empty if there is none
	policyPath  string
	variables   string // path of the file that those in the config are from; empty if there is none
	kept        bool   // the documents are those of a version in the state directory
	admitted    bool   // that was admitted as a whole

	digest string // over the names and bytes of all files
}

// content is what reading a file gave.
type content struct {
	data   []byte
	digest string // of the file; empty if it could not be read
	err    error
}

// contentOf is what reading a file gave, with its digest.
func contentOf(data []byte, err error) content {
	if err != nil {
		return content{err: err}
	}
	return content{data: data, digest: schemas.Digest(data)}
}

// equal reports whether two readings of a file gave the same.
func (c content) equal(other content) bool {
	return (c.err == nil) == (other.err == nil) && c.digest == other.digest
}

// loadInputs reads the three documents and every file they name. It returns
// what it read also beside an error: the names have to be watched, and the
// digest tells whether a later attempt is worth while.
func loadInputs(opts *Options, d *decoder, read func(path string) ([]byte, error)) (*inputs, error) {
	return newInputs(opts, d, read).loadAll(opts)
}

func newInputs(opts *Options, d *decoder, read func(path string) ([]byte, error)) *inputs {
	return &inputs{
		files: map[string]content{}, read: read, decoder: d, policy: &schemas.Policy{},
		rolloutPath: opts.Rollout, policyPath: opts.Policy,
	}
}

func (in *inputs) loadAll(opts *Options) (*inputs, error) {
	err := errors.Join(in.loadConfig(opts), in.loadPolicy(), in.loadRollout())
	in.digest = in.sum()
	return in, err
}

// loadConfig reads the config and the TLS files of every listener, also of
// those that need none, and of the connection to Piko: the gate judges all.
func (in *inputs) loadConfig(opts *Options) error {
	doc, err := in.configDocument(opts)
	if err != nil {
		return err
	}
	if err := in.decode(doc); err != nil {
		return err
	}
	in.loadTLS(in.agent.Connect.TLS)
	for _, l := range in.agent.Listeners {
		in.loadTLS(l.TLS)
	}
	return nil
}

// configDocument reads the config, with variables put in if that is asked for.
func (in *inputs) configDocument(opts *Options) (*schemas.Document, error) {
	data, err := in.text("config", opts.Config)
	switch {
	case err != nil:
		return nil, err
	case opts.Expand == nil:
		return schemas.ParseDocument(opts.Config, data)
	}
	expansion, err := opts.Expand(data, func(path string) ([]byte, error) {
		in.variables = path
		return in.load(path)
	})
	if err != nil {
		return nil, fmt.Errorf("read config %s: %w", opts.Config, err)
	}
	return schemas.ParseExpanded(opts.Config, expansion)
}

func (in *inputs) loadTLS(files schemas.TLS) {
	for _, path := range []string{files.Cert, files.Key, files.RootCAs} {
		if path != "" && !certs.HoldsPEM(path) { // a key that was pasted is no name for an audit log
			_, _ = in.load(path) // whoever needs it meets the error again
		}
	}
}

func (in *inputs) loadPolicy() error {
	if in.policyPath == "" {
		return nil
	}
	data, err := in.text("policy", in.policyPath)
	if err != nil {
		return err
	}
	if in.policy, err = in.decoder.policy.read(in.policyPath, data); err != nil {
		return err
	}
	in.loadServerTLS()
	return nil
}

// loadRollout reads the rollout and its key files. A key that cannot be read
// is no error here: it depends on what is loaded already.
func (in *inputs) loadRollout() error {
	if err := in.decodeRollout(); err != nil || in.rollout == nil {
		return err
	}
	for path := range in.keyFiles() {
		_, _ = in.load(path)
	}
	return nil
}

func (in *inputs) decodeRollout() error {
	if in.rolloutPath == "" {
		return nil
	}
	data, err := in.text("rollout", in.rolloutPath)
	if err != nil {
		return err
	}
	in.rollout, err = in.decoder.rollout.read(in.rolloutPath, data)
	return err
}

// keyFiles lists the files that the rollout refers to.
func (in *inputs) keyFiles() map[string]bool {
	files := map[string]bool{}
	for _, s := range in.rollout.Subjects {
		if path, ok := s.Secret.File(in.secretDir()); ok {
			files[path] = true
		}
	}
	return files
}

// secretDir is what the file: references of the rollout are relative to.
func (in *inputs) secretDir() string { return filepath.Dir(in.rolloutPath) }

// text reads the text of a document.
func (in *inputs) text(kind, path string) ([]byte, error) {
	data, err := in.load(path)
	if err != nil {
		return nil, unreadable{fmt.Errorf("read %s %s: %w", kind, path, err)}
	}
	return data, nil
}

// load reads a file and remembers it as an input.
func (in *inputs) load(path string) ([]byte, error) {
	c, known := in.files[path]
	if !known {
		c = contentOf(in.read(path))
		in.files[path] = c
	}
	return c.data, c.err
}

// ReadFile gives the content of an input as it was read. Another file is read
// from disk and does not become an input.
func (in *inputs) ReadFile(path string) ([]byte, error) {
	if c, known := in.files[path]; known {
		return c.data, c.err
	}
	return in.read(path)
}

// names lists the inputs in order.
func (in *inputs) names() []string { return slices.Sorted(maps.Keys(in.files)) }

// doubtful names the files that are empty, as between the truncation and the
// write of somebody who saves in place, and those that cannot be read.
func (in *inputs) doubtful() map[string]bool {
	names := map[string]bool{}
	for name, c := range in.files {
		if c.err != nil || len(c.data) == 0 {
			names[name] = true
		}
	}
	return names
}

// sum digests all names and the digests of all contents, so that it is the
// same where a document stands in for the file that it was kept from. A file
// that cannot be read has no digest, so that it differs from an empty one.
func (in *inputs) sum() string {
	var all bytes.Buffer
	for _, name := range in.names() {
		fmt.Fprintf(&all, "%q %s\n", name, in.files[name].digest)
	}
	return schemas.Digest(all.Bytes())
}
