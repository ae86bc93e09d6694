package lint

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"lockstep/schemas"
)

// A Manifest is what a stream of Kubernetes objects says around a config.
type Manifest struct {
	Document  *schemas.Document // of the whole file
	Workloads []Workload        // that mount the config
}

// A Workload is an object that has pods made. Its places are those of the
// manifest.
type Workload struct {
	Name       string        // such as Deployment/agent
	Grace      time.Duration // from SIGTERM to SIGKILL
	GraceAt    schemas.Span  // of the number, or of the pod's spec if there is none
	Containers []Container   // that mount the config
}

// A Container is one that may run the agent.
type Container struct {
	Words []Word // of its command and arguments
	Env   []Variable
}

// A Word is a part of a command line.
type Word struct {
	Text string
	Span schemas.Span // of the item of the list that it stands in
}

// A Variable is one of a container's environment. One whose value comes from
// elsewhere is known by its name only.
type Variable struct {
	Name, Value string
	Known       bool
	Span        schemas.Span // of the name
}

// defaultGrace is that of a pod that sets none, by the API of Kubernetes.
const defaultGrace = 30 * time.Second

// A pod is a workload with the volumes that its containers may mount.
type pod struct {
	Workload
	namespace string
	spec      *yaml.Node
}

// podSpec finds the spec of the pods that an object has made, with its key.
func podSpec(object *yaml.Node) (key, spec *yaml.Node) {
	path := []string{"spec", "template", "spec"}
	switch word(object, "kind") {
	case "Pod":
		path = path[:1]
	case "CronJob":
		path = []string{"spec", "jobTemplate", "spec", "template", "spec"}
	case "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job":
	default:
		return nil, nil
	}
	for _, name := range path {
		key, spec = keyOf(object, name), field(object, name)
		object = spec
	}
	return key, spec
}

// keyOf returns the key of a mapping that [field] returns the value of.
func keyOf(node *yaml.Node, name string) *yaml.Node {
	if node == nil || node.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == name {
			return node.Content[i]
		}
	}
	return nil
}

// addPod notes the pods that an object has made, if any.
func (m *manifest) addPod(object *yaml.Node) {
	key, spec := podSpec(object)
	if spec == nil {
		return
	}
	metadata := field(object, "metadata")
	w := Workload{Name: word(object, "kind") + "/" + word(metadata, "name"), Grace: defaultGrace, GraceAt: m.doc.Span(key)}
	if grace := field(spec, "terminationGracePeriodSeconds"); grace != nil {
		seconds, err := strconv.ParseInt(grace.Value, 10, 32)
		if err != nil {
			return
		}
		w.Grace, w.GraceAt = time.Duration(seconds)*time.Second, m.doc.Span(grace)
	}
	m.pods = append(m.pods, pod{Workload: w, namespace: word(metadata, "namespace"), spec: spec})
}

// workloads are those with a container that mounts an object, a ConfigMap or
// a Secret. A namespace that is left out may be any.
func (m *manifest) workloads(object *yaml.Node) []Workload {
	metadata := field(object, "metadata")
	name, namespace := word(metadata, "name"), word(metadata, "namespace")
	var all []Workload
	for _, p := range m.pods {
		if name == "" || namespace != "" && p.namespace != "" && p.namespace != namespace {
			continue
		}
		volumes := volumesOf(p.spec, word(object, "kind"), name)
		for _, c := range elements(field(p.spec, "containers")) {
			if slices.ContainsFunc(elements(field(c, "volumeMounts")), func(mount *yaml.Node) bool { return slices.Contains(volumes, word(mount, "name")) }) {
				p.Containers = append(p.Containers, m.container(c))
			}
		}
		if len(p.Containers) > 0 {
			all = append(all, p.Workload)
		}
	}
	return all
}

// volumesOf names the volumes of a pod that hold an object.
func volumesOf(spec *yaml.Node, kind, name string) []string {
	holds := func(source *yaml.Node) bool {
		if kind == "Secret" {
			secret := field(source, "secret")
			return word(secret, "secretName") == name || word(secret, "name") == name
		}
		return word(field(source, "configMap"), "name") == name
	}
	var names []string
	for _, v := range elements(field(spec, "volumes")) {
		if holds(v) || slices.ContainsFunc(elements(field(field(v, "projected"), "sources")), holds) {
			names = append(names, word(v, "name"))
		}
	}
	return names
}

func (m *manifest) container(node *yaml.Node) Container {
	var c Container
	for _, item := range slices.Concat(elements(field(node, "command")), elements(field(node, "args"))) {
		for text := range strings.FieldsSeq(item.Value) {
			c.Words = append(c.Words, Word{strings.Trim(text, `"'`), m.doc.Span(item)})
		}
	}
	for _, item := range elements(field(node, "env")) {
		name := field(item, "name")
		if name == nil {
			continue
		}
		value := field(item, "value")
		known := value != nil && !strings.Contains(value.Value, "$(")
		c.Env = append(c.Env, Variable{Name: name.Value, Value: word(item, "value"), Known: known, Span: m.doc.Span(name)})
	}
	return c
}

// elements are the items of a list, aliases followed; none if it is no list.
func elements(list *yaml.Node) []*yaml.Node {
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	var all []*yaml.Node
	for _, item := range list.Content {
		if item.Kind == yaml.AliasNode {
			item = item.Alias
		}
		all = append(all, item)
	}
	return all
}
