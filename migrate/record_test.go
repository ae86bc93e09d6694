package migrate

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"lockstep/schemas"
)

func beginsWithHash(line string) bool { return strings.HasPrefix(line, "#") }

func TestRecords(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"nothing":                    {"", nil},
		"one line":                   {"#a\n", []string{"#a\n"}},
		"no line break":              {"#a\n#b", []string{"#a\n", "#b"}},
		"lines that go on":           {"#a\n b\n c\n#d\n", []string{"#a\n b\n c\n", "#d\n"}},
		"the first is no beginning":  {" z\n y\n#a\n", []string{" z\n y\n", "#a\n"}},
		"Windows, and an empty line": {"#a\r\n\r\n#b\r\n", []string{"#a\r\n\r\n", "#b\r\n"}},
	} {
		if got := slices.Collect(records(test.text, beginsWithHash)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// Blocks end where a record does, whatever the sizes, and nothing is lost. A
// record that is larger than a block may be cut: it is not waited for.
func TestBlocksOfRecords(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		var text strings.Builder
		for text.Len() < 4*blockBytes {
			fmt.Fprintf(&text, "# %s\n", strings.Repeat("x", random.IntN(300)))
			for range random.IntN(4) * random.IntN(500) {
				fmt.Fprintf(&text, " %s\n", strings.Repeat("y", random.IntN(100)))
			}
		}
		reader := blockReader{in: strings.NewReader(text.String()), begins: beginsWithHash}
		var all strings.Builder
		lines := 1
		for {
			block, err := reader.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil || !beginsWithHash(block.Text) || block.Number != lines {
				t.Fatalf("seed %d: error %v, line %d begins with %.10q, want line %d", seed, err, block.Number, block.Text, lines)
			}
			all.WriteString(block.Text)
			lines += strings.Count(block.Text, "\n")
		}
		if all.String() != text.String() {
			t.Fatalf("seed %d: the blocks are not the text", seed)
		}
	}
	long := "#" + strings.Repeat(" y\n", blockBytes)
	reader := blockReader{in: strings.NewReader(long), begins: beginsWithHash}
	if block, err := reader.next(); err != nil || len(block.Text) == 0 || len(block.Text) > 3*blockBytes {
		t.Errorf("a long record: %d bytes at once, error %v", len(block.Text), err)
	}
}

// One tally of several copies has the count of the one that has most, and
// what any of them has seen.
func TestDistinctCopies(t *testing.T) {
	t.Parallel()
	table := newTallyTable()
	add := func(node string, hours ...int64) {
		for _, hour := range hours {
			tally := schemas.Tally{}
			tally.Add(hour * hourMS)
			table.add(schemas.TallyKey{Node: node, Subject: "key/a", Client: "c", Day: "1970-01-01"}, tally)
		}
	}
	add("n1", 1, 2, 3)
	add("n1"+copyMark+"console", 2, 3, 4, 5)
	add("n10", 1)
	add("n2"+copyMark+"console", 7)
	var got []string
	for row, err := range (distinct{table}).rows(t.Context()) {
		got = append(got, fmt.Sprintf("%s %d %b %d %d %v", row.Node, row.Count, row.Hours, row.FirstMS/hourMS, row.LastMS/hourMS, err))
	}
	want := []string{"n1 4 111110 1 5 <nil>", "n10 1 10 1 1 <nil>", "n2 1 10000000 7 7 <nil>"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	var lost error
	for _, err := range (distinct{lostTallies{}}).rows(t.Context()) {
		lost = err
	}
	if !errors.Is(lost, errBroken) {
		t.Errorf("error %v, want %v", lost, errBroken)
	}
}
