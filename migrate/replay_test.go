package migrate

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"lockstep/schemas"
)

func TestReplay(t *testing.T) {
	t.Parallel()
	for _, dir := range caseDirs(t) {
		in := caseInput(t, dir)
		in.Now = noon.Add(123 * time.Millisecond) // a plan has whole seconds, and so has what it is made with
		file := encode(t, in)
		in.Now = noon.AddDate(0, 1, 0) // replay does not ask for the time
		plan := decodePlan(t, file)
		if d, err := Replay(plan, file, in); err != nil || d != nil {
			t.Errorf("%s: %q, %v", dir, d, err)
		}
	}
}

func TestReplayNamesWhatDiffers(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(casesDir, "ready")
	file := encode(t, caseInput(t, dir))
	plan := decodePlan(t, file)
	tests := map[string]struct {
		change func(*Input)
		want   string
	}{
		"rollout": {func(in *Input) {
			s := in.Rollout.Subjects["key/Demo/k1"]
			s.Since = s.Since.Add(time.Second)
			in.Rollout.Subjects["key/Demo/k1"] = s
		}, "input rollout differs: sha256:"},
		"policy":    {func(in *Input) { in.Policy.Environments["x"] = schemas.Environment{} }, "input policy differs: sha256:"},
		"inventory": {func(in *Input) { *in.Inventory = schemas.Inventory{} }, "input inventory differs: sha256:"},
		"evidence":  {func(in *Input) { in.Evidence.Coverage.Parsed++ }, "input evidence differs: sha256:"},
		"secrets":   {func(in *Input) { in.Secrets = map[string]error{"key/Demo/k1": errBroken} }, "input secrets differs: none in the plan, sha256:"},
		"after": {func(in *Input) {
			in.Earlier = []*schemas.Rollout{{Environment: "fat", Tier: schemas.TierStaging}}
		}, "input after differs: other rollouts have to be ahead"},
	}
	for name, test := range tests {
		in := caseInput(t, dir)
		test.change(&in)
		d, err := Replay(plan, file, in)
		if err != nil || len(d) != 2 || !strings.HasPrefix(d[0], test.want) || !strings.HasPrefix(d[1], "line ") {
			t.Errorf("%s: %q, %v; want %q and a line", name, d, err, test.want)
		}
	}
	d, err := Replay(plan, append(file, '\n'), caseInput(t, dir))
	if err != nil || len(d) != 2 || !strings.HasPrefix(d[0], "the inputs are the same") {
		t.Errorf("a line too many: %q, %v", d, err)
	}
}

// A byte that is changed in any input is caught: the input cannot be read any
// more, or its digest is another, unless it says what it said, as in a comment.
func TestOneByteOfInputIsCaught(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(11, 5))
	dir := filepath.Join(casesDir, "ready")
	for name, decode := range map[string]func(*schemas.Document) (any, error){
		"rollout.yaml":   func(d *schemas.Document) (any, error) { return schemas.DecodeRollout(d) },
		"policy.yaml":    func(d *schemas.Document) (any, error) { return schemas.DecodePolicy(d) },
		"inventory.yaml": func(d *schemas.Document) (any, error) { return schemas.DecodeInventory(d) },
	} {
		source, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		was, caught := digestOf(t, source, decode), 0
		for range 300 {
			changed := bytes.Clone(source)
			changed[random.IntN(len(changed))] ^= 1 << random.IntN(7)
			now := digestOf(t, changed, decode)
			if now.err == nil && now.digest == was.digest && !reflect.DeepEqual(now.value, was.value) {
				t.Errorf("%s: another document with the same digest:\n%s", name, changed)
			}
			if now.digest != was.digest {
				caught++
			}
		}
		if caught < 200 {
			t.Errorf("%s: %d of 300 bytes were caught", name, caught)
		}
	}
}

type digested struct {
	value  any
	digest string
	err    error
}

func digestOf(t *testing.T, source []byte, decode func(*schemas.Document) (any, error)) (d digested) {
	t.Helper()
	doc, err := schemas.ParseDocument("x.yaml", source)
	if err == nil {
		d.value, err = decode(doc)
	}
	if d.err = err; err != nil {
		return d
	}
	switch v := d.value.(type) {
	case *schemas.Rollout:
		d.digest = v.Digest()
		v.Journal = schemas.JournalRef{} // says how it came about, not what is wanted
	case *schemas.Inventory:
		d.digest, d.err = digest("inventory", sortedInventory(v))
	default:
		d.digest, d.err = digest("policy", v)
	}
	return d
}

// A digit that is changed anywhere in a log is caught too.
func TestOneDigitOfEvidenceIsCaught(t *testing.T) {
	t.Parallel()
	log, err := os.ReadFile(filepath.Join(casesDir, "ready", "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	evidenceDigest := func(log []byte) string {
		path := writeFile(t, filepath.Join(t.TempDir(), "events.jsonl"), string(log))
		digest, err := gather(t, path, "pro-eu").Digest()
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	was, random := evidenceDigest(log), rand.New(rand.NewPCG(3, 5))
	for _, field := range []string{`"count":`, `"first_ms":`, `"last_ms":`, `"hours":`, `"seq":`, `"node":"`, `"client":"`, `"subject":"`} {
		at := bytes.Index(log, []byte(field))
		if at < 0 {
			t.Fatalf("no %s in the log", field)
		}
		var places []int
		for i := at; i >= 0; {
			places = append(places, i+len(field))
			next := bytes.Index(log[i+1:], []byte(field))
			if next < 0 {
				break
			}
			i += 1 + next
		}
		changed := bytes.Clone(log)
		place := places[random.IntN(len(places))]
		changed[place] = map[bool]byte{true: '7', false: '3'}[changed[place] != '7']
		if evidenceDigest(changed) == was {
			t.Errorf("%s at byte %d: another value with the same digest", field, place)
		}
	}
}
