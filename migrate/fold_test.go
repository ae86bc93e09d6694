package migrate

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lockstep/schemas"
)

// A journal of events for tests: it numbers them per node.
type eventLog struct {
	environment string
	seq         map[string]uint64
	lines       []string
}

func newEventLog() *eventLog { return &eventLog{environment: "pro-eu", seq: map[string]uint64{}} }

func (l *eventLog) add(node string, at time.Time, e schemas.Event) {
	l.seq[node]++
	boot := e.Boot
	if boot == "" {
		boot = "boot-" + node
	}
	e.Environment, e.Node, e.Boot, e.Seq, e.TimeMS = l.environment, node, boot, l.seq[node], at.UnixMilli()
	line, err := e.Line()
	if err != nil {
		panic(err)
	}
	l.lines = append(l.lines, string(line))
}

// beat writes a heartbeat for every hour from start to noon.
func (l *eventLog) beat(node string, start time.Time, states ...schemas.SubjectState) {
	for at := start.Add(50 * time.Minute); at.Before(noon); at = at.Add(time.Hour) {
		l.add(node, at, schemas.Event{Kind: schemas.EventHeartbeat, Subjects: states})
	}
}

// request writes a tally of one request.
func (l *eventLog) request(node, subject, client string, how schemas.How, reason schemas.Reason, at time.Time) {
	outcome := schemas.OutcomeOK
	if reason != schemas.ReasonNone {
		outcome = schemas.OutcomeFail
	}
	var tally schemas.Tally
	tally.Add(at.UnixMilli())
	l.add(node, at, schemas.TallyEvent(schemas.TallyKey{
		Subject: subject, Client: client, How: how, Outcome: outcome, Reason: reason, Day: at.UTC().Format(time.DateOnly),
	}, tally))
}

// fold takes in lines as if they stood in one file.
func fold(t *testing.T, environment string, lines ...string) *Evidence {
	t.Helper()
	e, err := foldBlocks(environment, blocksOf(lines)...)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// blocksOf makes a block of each line.
func blocksOf(lines []string) []Block {
	var blocks []Block
	for i, text := range lines {
		blocks = append(blocks, Block{File: "log", Number: i + 1, Text: text, Open: !strings.HasSuffix(text, "\n")})
	}
	return blocks
}

func foldBlocks(environment string, blocks ...Block) (*Evidence, error) {
	f := NewFold(environment)
	for _, b := range blocks {
		f.apply(parse(b, &Options{Dialect: eventDialect{}, Environment: environment}, nil, uncounted{}))
	}
	if err := f.check(DefaultMemory); err != nil {
		return nil, err
	}
	return f.evidence(context.Background(), f.table)
}

// talliesOf is what the evidence says, to be compared.
func talliesOf(e *Evidence) map[schemas.TallyKey]schemas.Tally { return maps.Collect(e.Tallies) }

func TestFoldCountsEveryLineOnce(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	log.beat("n1", noon.Add(-2*time.Hour))
	log.add("n1", noon, schemas.Event{
		Kind: schemas.EventDetail, Subject: "key/a", Client: "c", How: schemas.HowClaimed,
		Outcome: schemas.OutcomeFail, Reason: schemas.ReasonSkew,
	})
	log.request("n1", "key/a/k", "c", schemas.HowClaimed, schemas.ReasonNone, noon)
	own := log.lines
	log.environment, log.lines = "fat", nil
	log.beat("n9", noon.Add(-time.Hour))

	lines := append(own, own[3], log.lines[0], "\n", "  \n", "no event\n", `{"kind":"tally"}`+"\n", `{"kind":"tal`)
	e := fold(t, "pro-eu", lines...)
	want := Coverage{Lines: 10, Parsed: 4, Ignored: 4, Unparsed: 2, Unfinished: 1}
	if diff := cmp.Diff(want, e.Coverage); diff != "" {
		t.Errorf("coverage differs (-want +got):\n%s", diff)
	}
	if len(e.Nodes) != 1 || e.Nodes[0].Name != "n1" || e.Nodes[0].Hours != 2 || len(talliesOf(e)) != 1 {
		t.Errorf("nodes %+v and tallies %v, want those of one node", e.Nodes, talliesOf(e))
	}
	if share := e.Coverage.UnparsedShare(); share != 2.0/6 {
		t.Errorf("unparsed share %g, want 2 of 6", share)
	}
}

// The order of lines, how they are spread over files, and lines that are read
// twice change nothing but the number of lines ignored.
func TestFoldDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 3))
		log := randomLog(random)
		want := fold(t, "pro-eu", log.lines...)
		wantDigest, err := want.Digest()
		if err != nil {
			t.Fatal(err)
		}
		var lines [][]byte
		for _, line := range log.lines {
			lines = append(lines, []byte(line))
		}
		got := scatter(t, random, lines)
		gotDigest, err := got.Digest()
		if err != nil {
			t.Fatal(err)
		}
		got.Coverage.Ignored, got.Coverage.Lines = want.Coverage.Ignored, want.Coverage.Lines
		got.Coverage.Copies = 0
		diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Evidence{})) + cmp.Diff(talliesOf(want), talliesOf(got))
		if diff != "" || gotDigest != wantDigest {
			t.Fatalf("seed %d: evidence differs (-want +got), digests %s and %s:\n%s", seed, wantDigest, gotDigest, diff)
		}
	}
}

func randomLog(random *rand.Rand) *eventLog {
	log := newEventLog()
	for range 50 + random.IntN(100) {
		node := fmt.Sprintf("n%d", random.IntN(3))
		at := noon.Add(-time.Duration(random.Int64N(int64(72 * time.Hour))))
		switch random.IntN(4) {
		case 0:
			log.add(node, at, schemas.Event{Kind: schemas.EventHeartbeat, RolloutDigest: fmt.Sprint(random.Int()), Subjects: randomStates(random)})
		case 1:
			log.seq[node] += random.Uint64N(3) // lines that are lost
		default:
			reasons := append(schemas.Reasons(), schemas.ReasonNone, schemas.ReasonNone)
			reason := reasons[random.IntN(len(reasons))]
			client := fmt.Sprintf("c%d", random.IntN(4))
			how := []schemas.How{schemas.HowClaimed, schemas.HowVerified}[random.IntN(2)]
			log.request(node, "key/a", client, how, reason, at)
		}
	}
	return log
}

// randomStates lists some of three keys in any order, mostly in the same state.
func randomStates(random *rand.Rand) []schemas.SubjectState {
	var states []schemas.SubjectState
	for _, i := range random.Perm(3)[:1+random.IntN(3)] {
		mode := schemas.Modes()[min(random.IntN(6), 1)]
		states = append(states, schemas.SubjectState{Subject: fmt.Sprintf("key/a/k%d", i), Mode: mode, Fingerprint: fmt.Sprint(random.IntN(8) / 7)})
	}
	return states
}

// The samples are the first by place, and never show the line.
func TestFoldSamples(t *testing.T) {
	t.Parallel()
	var blocks []Block
	for _, n := range []int{9, 3, 7, 1, 5} {
		blocks = append(blocks, Block{File: "log", Number: n, Text: "CANARY\n", Long: n == 3})
	}
	e, err := foldBlocks("", blocks...)
	if err != nil {
		t.Fatal(err)
	}
	want := []Sample{
		{File: "log", Line: 1, Reason: "not an event: not a JSON object with the fields of its schema"},
		{File: "log", Line: 3, Reason: "longer than 1024 KiB"},
		{File: "log", Line: 5, Reason: "not an event: not a JSON object with the fields of its schema"},
	}
	if diff := cmp.Diff(want, e.Samples); diff != "" {
		t.Errorf("samples differ (-want +got):\n%s", diff)
	}
}

func TestFoldOfOneEnvironmentOnly(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	log.beat("n1", noon.Add(-time.Hour))
	if e := fold(t, "", log.lines...); e.Environment != "pro-eu" {
		t.Errorf("environment %q, want that of the events", e.Environment)
	}
	log.environment = "fat"
	log.beat("n2", noon.Add(-time.Hour))
	if _, err := foldBlocks("", blocksOf(log.lines)...); err == nil || err.Error() != "the logs are of several environments: fat, pro-eu" {
		t.Errorf("error %v, want the names of both environments", err)
	}
}

// Of the heartbeats of a node the newest says what is loaded.
func TestFoldKeepsTheNewestState(t *testing.T) {
	t.Parallel()
	log := newEventLog()
	log.beat("n1", noon.Add(-2*time.Hour), schemas.SubjectState{Subject: "key/a/k", Mode: schemas.ModeObserve})
	log.add("n1", noon.Add(-90*time.Minute), schemas.Event{Kind: schemas.EventHeartbeat})
	e := fold(t, "", log.lines...)
	if n := e.Nodes[0]; n.state("key/A/k").Mode != schemas.ModeObserve || !n.Last.Equal(noon.Add(-10*time.Minute)) {
		t.Errorf("node %+v, want the state of the last heartbeat", n)
	}
}

// Of two heartbeats in the same millisecond one is the newer one, whichever is
// read first.
func TestNewer(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]schemas.Event{
		{{TimeMS: 2, Boot: "a", Seq: 1}, {TimeMS: 1, Boot: "b", Seq: 2}},
		{{TimeMS: 1, Boot: "b", Seq: 1}, {TimeMS: 1, Boot: "a", Seq: 2}},
		{{TimeMS: 1, Boot: "a", Seq: 2}, {TimeMS: 1, Boot: "a", Seq: 1}},
	} {
		if !newer(&pair[0], &pair[1]) || newer(&pair[1], &pair[0]) {
			t.Errorf("%+v is not newer than %+v", pair[0], pair[1])
		}
	}
}

func FuzzFold(f *testing.F) {
	log := newEventLog()
	log.beat("n1", noon.Add(-3*time.Hour), schemas.SubjectState{Subject: "key/a/k", Mode: schemas.ModeObserve, Fingerprint: "f"})
	log.request("n1", "key/a/k", "c", schemas.HowVerified, schemas.ReasonNone, noon)
	f.Add([]byte(strings.Join(log.lines, "")))
	f.Add([]byte("{}\n\n{\"kind\":\"heartbeat\"}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := foldBlocks("", blocksOf(slices.Collect(strings.Lines(string(text))))...)
		if err != nil {
			return
		}
		c := e.Coverage
		if c.Lines != c.Parsed+c.Ignored+c.Unparsed {
			t.Errorf("coverage does not add up: %+v", c)
		}
		in := Input{Now: noon, Evidence: e, Rollout: &schemas.Rollout{
			Environment: e.Environment,
			Subjects:    map[string]schemas.RolloutSubject{"key/a/k": {Mode: schemas.ModeObserve, Since: noon.Add(-time.Hour)}},
		}}
		plan, err := NewPlan(in)
		if err != nil {
			t.Fatal(err)
		}
		if len(plan.Batches) > 0 {
			t.Errorf("an hour of observing is enough: %+v", plan)
		}
		var report bytes.Buffer
		if err := e.WriteJSON(&report); err != nil {
			t.Error(err)
		}
	})
}
