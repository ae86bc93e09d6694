package runtime

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"

	"lockstep/internal/certs"
	"lockstep/schemas"
)

// masked stands where a kept document had a value that could be a secret.
const masked = "masked"

// The roles of the three documents.
const (
	roleConfig  = "config"
	rolePolicy  = "policy"
	roleRollout = "rollout"
)

// paths are where the documents lie, by role; those that are not used are
// missing.
func (o *Options) paths() map[string]string {
	all := map[string]string{roleConfig: o.Config, rolePolicy: o.Policy, roleRollout: o.Rollout}
	for role, path := range all {
		if path == "" {
			delete(all, role)
		}
	}
	return all
}

// errNotKept says that a document would not mean the same without its
// secrets.
var errNotKept = errors.New("it would mean something else without what could be a secret, so it is not kept")

// A storedDocument is a document without its secrets and comments.
type storedDocument struct {
	Path   string `json:"path"`
	Digest string `json:"digest"` // of the file
	Masked bool   `json:"masked"` // something in it could have been a secret
	Text   string `json:"text"`
}

// keepable returns the documents as they are kept in a state directory, by
// role: written anew without comments and without any value that could be a
// secret, and before variables are put in. What is served depends on none of
// that; where it does, it is an error.
func (in *inputs) keepable(opts *Options, d *decoder) (map[string]storedDocument, error) {
	all := map[string]storedDocument{}
	for role, path := range opts.paths() {
		text, hidden, err := in.redacted(role, path)
		if err != nil {
			return nil, err
		}
		all[role] = storedDocument{Path: path, Digest: in.files[path].digest, Masked: hidden, Text: text}
	}
	if err := in.means(opts, d, all); err != nil {
		return nil, err
	}
	return all, nil
}

// means is an error unless documents are read as the inputs were, secrets
// aside.
func (in *inputs) means(opts *Options, d *decoder, documents map[string]storedDocument) error {
	other := newInputs(opts, d, in.ReadFile)
	for role, path := range opts.paths() {
		other.files[path] = content{data: []byte(documents[role].Text)}
	}
	doc, err := other.configDocument(opts)
	if err != nil {
		return err
	}
	if err := errors.Join(other.decode(doc), other.loadPolicy(), other.decodeRollout()); err != nil {
		return err
	}
	switch {
	case !reflect.DeepEqual(publicAgent(in.agent), publicAgent(other.agent)) || !slices.EqualFunc(in.entries, other.entries, (*entry).isLike):
		return fmt.Errorf("config %s: %w", opts.Config, errNotKept)
	case !reflect.DeepEqual(in.policy, other.policy):
		return fmt.Errorf("policy %s: %w", opts.Policy, errNotKept)
	case !reflect.DeepEqual(in.rollout, other.rollout):
		return fmt.Errorf("rollout %s: %w", opts.Rollout, errNotKept)
	}
	return nil
}

// isLike reports whether two entries are of one listener, and both readable or
// not.
func (e *entry) isLike(other *entry) bool {
	return e.listenerID == other.listenerID && (e.err == nil) == (other.err == nil)
}

// publicAgent is a config without its secrets.
func publicAgent(a *schemas.Agent) *schemas.Agent {
	public := *a
	public.Listeners = slices.Clone(a.Listeners)
	public.Connect.Token = schemas.Secret{}
	hide := func(values ...*string) {
		for _, value := range values {
			*value = withoutSecret(*value)
		}
	}
	c := &public.Connect
	hide(&c.URL, &c.ProxyURL, &c.TenantID, &c.TLS.Cert, &c.TLS.Key, &c.TLS.RootCAs)
	for i, l := range public.Listeners {
		public.Listeners[i] = *publicListener(&l)
	}
	return &public
}

// publicListener is a listener without its secrets.
func publicListener(l *schemas.Listener) *schemas.Listener {
	public := *l
	for _, value := range []*string{&public.Addr, &public.TLS.Cert, &public.TLS.Key, &public.TLS.RootCAs} {
		*value = withoutSecret(*value)
	}
	return &public
}

// redacted writes a document anew, and reports whether something is hidden.
func (in *inputs) redacted(role, path string) (text string, hidden bool, err error) {
	doc, err := schemas.ParseDocument(path, in.files[path].data)
	if err != nil {
		return "", false, err //nolint:wrapcheck // a fault names its place
	}
	if doc.Root == nil {
		return "", false, nil
	}
	if role == roleConfig && !in.stub(doc.Root) {
		return "", false, fmt.Errorf("%s: %w", path, errNotKept)
	}
	hidden = redact("", doc.Root)
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := errors.Join(enc.Encode(doc.Root), enc.Close()); err != nil {
		return "", hidden, fmt.Errorf("%s: %w", path, errNotKept) // the encoder may quote a value
	}
	return out.String(), hidden, nil
}

// stub takes everything but the endpoint out of listeners that cannot be read,
// as nobody can tell what is secret in them, and leaves what cannot be read
// either. It reports whether all of them were found.
func (in *inputs) stub(config *yaml.Node) bool {
	var list *yaml.Node
	for i := 0; i+1 < len(config.Content); i += 2 {
		if config.Content[i].Value == "listeners" {
			list = config.Content[i+1]
		}
	}
	for _, e := range in.entries {
		if e.err == nil {
			continue
		}
		if list == nil || list.Kind != yaml.SequenceNode || e.index >= len(list.Content) {
			return false
		}
		node := &yaml.Node{}
		if node.Encode(map[string]any{"endpoint_id": e.endpoint, masked: true}) != nil {
			return false
		}
		list.Content[e.index] = node
	}
	return true
}

// redact takes comments and secrets out of the value of a key, and reports
// whether there was a secret.
func redact(key string, node *yaml.Node) (hidden bool) {
	node.HeadComment, node.LineComment, node.FootComment = "", "", ""
	switch node.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			inKey := redact("", node.Content[i])
			hidden = redact(node.Content[i].Value, node.Content[i+1]) || inKey || hidden
		}
	case yaml.AliasNode:
		// What is no secret at its anchor may be one here.
		hidden = node.Alias.Kind == yaml.ScalarNode && redact(key, node.Alias)
	case yaml.ScalarNode:
		return redactScalar(key, node)
	default:
		for _, child := range node.Content {
			hidden = redact(key, child) || hidden
		}
	}
	return hidden
}

func redactScalar(key string, node *yaml.Node) (hidden bool) {
	public := withoutSecret(node.Value)
	if key == "token" && schemas.SecretRef(node.Value).Check() != nil {
		public = masked
	}
	if public == node.Value {
		return false
	}
	node.Value, node.Style = public, node.Style&^(yaml.LiteralStyle|yaml.FoldedStyle)
	return true
}

// userinfo is what stands before the @ of a URL, or of a host.
var userinfo = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)?[^/?#\s]*@`)

// withoutSecret masks what may be secret in a value that is no secret as a
// whole: the user information of a URL, which Piko's agent sends to no
// upstream, and a key that was pasted where a path belongs.
func withoutSecret(value string) string {
	if certs.HoldsPEM(value) {
		return masked
	}
	return userinfo.ReplaceAllString(value, "${1}"+masked+"@")
}

// query is that of an address in a kept document.
var query = regexp.MustCompile(`(\b(?:addr|url|proxy_url): *["']?[^"'\s?,}]*\?)[^"'\s,}]*`)

// shown is a kept document as it may be shown: without the queries of its
// addresses, which are kept as upstreams need them.
func shown(text string) string { return query.ReplaceAllString(text, "${1}•••") }

// documents digests the three documents, by role. One that cannot be read has
// no digest.
func (in *inputs) documents(opts *Options) map[string]string {
	digests := map[string]string{}
	for role, path := range opts.paths() {
		digests[role] = in.files[path].digest
	}
	return digests
}

// changedFrom says what differs from files by their digests: the roles of
// documents, then keys and certificates, and the names of the files.
func (in *inputs) changedFrom(opts *Options, before map[string]string) (what, files []string) {
	kinds := map[string]string{in.variables: roleConfig}
	if in.rollout != nil {
		for path := range in.keyFiles() {
			kinds[path] = "keys"
		}
	}
	for role, path := range opts.paths() {
		kinds[path] = role
	}
	seen := map[string]bool{}
	for _, name := range in.names() {
		if digest, known := before[name]; known && digest == in.files[name].digest {
			continue
		}
		kind := cmp.Or(kinds[name], "certificates")
		seen[kind], files = true, append(files, name)
	}
	for _, kind := range []string{roleConfig, rolePolicy, roleRollout, "keys", "certificates"} {
		if seen[kind] {
			what = append(what, kind)
		}
	}
	return what, files
}
