package schemas

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decodeSound parses and checks a config, and reads what is sound of it.
func decodeSound(tb testing.TB, text string) (*SoundAgent, error) {
	tb.Helper()
	doc, err := ParseDocument("agent.yaml", []byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	schema, err := Compile(KindAgent)
	if err != nil {
		tb.Fatal(err)
	}
	return schema.Check(doc).DecodeSound()
}

func TestDecodeSound(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text  string
		sound []string    // endpoint ids that are left
		at    map[int]int // line of the fault by index
		err   string
	}{
		"one of three": {
			text:  "listeners:\n- {endpoint_id: a, addr: 80, timeout: 1s}\n- {endpoint_id: b, addr: 80, timeout: 1}\n- {endpoint_id: c, addr: 80, timeout: 1s}\n",
			sound: []string{"a", "c"}, at: map[int]int{1: 3},
		},
		"null items do not count": {
			text:  "listeners:\n-\n- {endpoint_id: b, addr: 80, timeout: 1, x: 1}\n- ~\n- {endpoint_id: c, addr: 80, timeout: 1s}\n",
			sound: []string{"c"}, at: map[int]int{0: 3},
		},
		"all":          {text: "listeners: [5, [], {}]\n", at: map[int]int{0: 1, 1: 1, 2: 1}},
		"a list in it": {text: "listeners:\n- {endpoint_id: a, addr: 80, timeout: 1s, tls: {certs: x}}\n", at: map[int]int{0: 2}},
		"through an anchor": {
			text:  "listeners:\n- &a {endpoint_id: a, addr: 80, timeout: 1}\n- {<<: *a, endpoint_id: b}\n- {<<: *a, endpoint_id: c, timeout: 1s}\n",
			sound: []string{"c"}, at: map[int]int{0: 2, 1: 2},
		},
		"anchor in what is left out": {
			text:  "listeners:\n- {endpoint_id: a, addr: 80, timeout: &t 1s, x: 1}\n- {endpoint_id: b, addr: 80, timeout: *t}\n",
			sound: []string{"b"}, at: map[int]int{0: 2},
		},
		"outside": {text: "listeners: [5]\nlogs: {}\n", err: "agent.yaml:2:1: there is no key"},
		"no list": {text: "listeners: 5\n", err: "agent.yaml:1:12"},
		"listeners twice": {
			text: "listeners: [5]\nlisteners: [{endpoint_id: b, addr: 80, timeout: 1s}]\n", err: "agent.yaml:2:1: key \"listeners\" is there already",
		},
		"alias into itself": {text: "listeners:\n- &a {endpoint_id: a, addr: 80, timeout: 1s, tls: *a}\n- 5\n", err: "this alias contains itself"},
		"nothing wrong":     {text: "listeners: [{endpoint_id: b, addr: 80, timeout: 1s}]\n", err: "config agent.yaml: " + ErrUnreadableAgent.Error()},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := decodeSound(t, test.text)
			if test.at == nil {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, l := range got.Agent.Listeners {
				ids = append(ids, l.EndpointID)
			}
			if diff := cmp.Diff(test.sound, ids); diff != "" {
				t.Errorf("sound (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.at, linesOf(t, got.Faults)); diff != "" {
				t.Errorf("lines of the faults (-want +got):\n%s", diff)
			}
			checkSoundDocument(t, got)
		})
	}
}

// linesOf is the line of the first fault of each error.
func linesOf(t *testing.T, faults map[int]error) map[int]int {
	t.Helper()
	lines := map[int]int{}
	for i, err := range faults {
		fault, ok := errors.AsType[*Fault](err)
		if !ok {
			t.Fatalf("%v is no fault", err)
		}
		lines[i] = fault.Span.Start.Line
	}
	return lines
}

// checkSoundDocument judges what is left once more: it has no fault, and where
// it stands has not changed.
func checkSoundDocument(t *testing.T, sound *SoundAgent) {
	t.Helper()
	schema, err := Compile(KindAgent)
	if err != nil {
		t.Fatal(err)
	}
	checked := schema.Check(sound.Document)
	violations := slices.DeleteFunc(checked.Violations, func(v Violation) bool { return v.Keyword == "minItems" })
	if len(violations) > 0 {
		t.Errorf("what is left has faults: %v", Faults("agent.yaml", violations))
	}
	for i, l := range sound.Agent.Listeners {
		_, span := checked.Place("/listeners/" + string(rune('0'+i)) + "/endpoint_id")
		line := strings.Split(string(sound.Document.Source), "\n")[span.Start.Line-1]
		if !strings.HasPrefix(line[span.Start.Column-1:], l.EndpointID) {
			t.Errorf("%s stands at %v: %q", l.EndpointID, span.Start, line)
		}
	}
}

// FuzzDecodeSound takes faulty listeners out of any config: what is left has
// no fault and no other listeners than those that were not taken out.
func FuzzDecodeSound(f *testing.F) {
	for _, text := range []string{
		"listeners:\n- {endpoint_id: a, addr: 80, timeout: 1s}\n- {endpoint_id: b, timeout: 1}\n",
		"listeners: [~, 5, {<<: &a {endpoint_id: a, addr: 80}, timeout: 1s}, *a]\n",
		"<<: {listeners: [5, {endpoint_id: a, addr: 80, timeout: 1s}]}\nconnect: {}\n",
		"listeners:\n- &l {endpoint_id: a, endpoint_id: b, addr: 80, timeout: 1s}\n- *l\n- {<<: *l}\n",
		"listeners: &x [*x, {tls: *x}]\ngrace_period: 1s\n",
	} {
		f.Add(text)
	}
	schema, err := Compile(KindAgent)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := ParseDocument("agent.yaml", []byte(text))
		if err != nil {
			return
		}
		checked := schema.Check(doc)
		sound, err := checked.DecodeSound()
		if err != nil {
			return
		}
		all := find(checked.root, "/listeners")
		if got := len(sound.Agent.Listeners) + len(sound.Faults); got != len(all.items) {
			t.Fatalf("%d listeners of %d", got, len(all.items))
		}
		left := schema.Check(sound.Document)
		for _, v := range left.Violations {
			if v.Keyword != "minItems" {
				t.Errorf("what is left has a fault: %v", v)
			}
		}
		if agent, err := left.DecodeAgent(Piko09); len(left.Violations) == 0 && (err != nil || !cmp.Equal(agent.Listeners, sound.Agent.Listeners)) {
			t.Errorf("what is left reads as %+v, %v", agent, err)
		}
	})
}
