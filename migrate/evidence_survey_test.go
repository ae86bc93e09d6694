package migrate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"lockstep/schemas"
)

// However the tallies of an app are spread over spans, and whether they are in
// memory or not: a client with more than half of the requests is found, and no
// other one.
func TestSurveyOfSpans(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		random := rand.New(rand.NewPCG(seed, 9))
		spill := &tallySpill{memory: []int64{1 << 20, 1 << 30}[seed%2], table: newTallyTable()}
		counts := map[string]map[clientKey]uint64{}
		for i := range 3 * spanTallies {
			row := randomRow(random)
			row.Subject, row.Client = fmt.Sprintf("key/app-%d/k%d", random.IntN(3), random.IntN(2)), fmt.Sprint(i)
			if random.IntN(100) < 49+random.IntN(4) {
				row.Client = "proxy"
			}
			row.How, row.Count = schemas.HowVerified, 1
			app, _ := appOf(row.Subject)
			if counts[app] == nil {
				counts[app] = map[clientKey]uint64{}
			}
			counts[app][clientKey{row.Client, row.How}]++
			spill.table.add(row.TallyKey, row.Tally)
			if err := spill.settle(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		e := &Evidence{source: spill, Nodes: []Node{{Name: "n0"}, {Name: "n1"}, {Name: "n2"}}}
		if err := e.survey(t.Context()); err != nil {
			t.Fatal(err)
		}
		if want := dominantOf(counts); !slices.Equal(e.Dominant, want) {
			t.Errorf("seed %d: %+v, want %+v", seed, e.Dominant, want)
		}
		if sum := e.Nodes[0].OK + e.Nodes[0].Fail + e.Nodes[1].OK + e.Nodes[1].Fail + e.Nodes[2].OK + e.Nodes[2].Fail; sum != 3*spanTallies {
			t.Errorf("the nodes have %d requests", sum)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

// dominantOf counts all.
func dominantOf(counts map[string]map[clientKey]uint64) (dominant []Dominant) {
	for i := range 3 {
		app := fmt.Sprintf("app-%d", i)
		total := uint64(0)
		for _, count := range counts[app] {
			total += count
		}
		for who, count := range counts[app] {
			if share := float64(count) / float64(total); share > 0.5 {
				dominant = append(dominant, Dominant{App: app, Client: who.name, How: who.how, Share: share})
			}
		}
	}
	return dominant
}
