package migrate

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"lockstep/schemas"
)

// tallyLines are lines as runtimes write them: so many, of as many groups of
// 2,000 apps as a Zipf distribution of clients gives.
func tallyLines(count, clients int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	client := rand.NewZipf(random, 1.1, 20, uint64(clients-1))
	app := rand.NewZipf(random, 1.1, 20, 1999)
	var lines bytes.Buffer
	for seq := range count {
		a := app.Uint64()
		key := schemas.TallyKey{
			Environment: "pro-eu", Node: "node-1", Subject: fmt.Sprintf("key/app-%d/k1", a), How: schemas.HowVerified,
			Client: fmt.Sprintf("10.%d.%d.%d", a%200, client.Uint64()/250, client.Uint64()%250), Outcome: schemas.OutcomeOK,
		}
		if random.IntN(20) == 0 {
			key.Subject, key.Outcome, key.Reason = fmt.Sprintf("key/app-%d", a), schemas.OutcomeFail, schemas.Reasons()[random.IntN(4)]
		}
		at := noon.Add(-time.Duration(random.IntN(7*24*60)) * time.Minute)
		key.Day = at.Format(time.DateOnly)
		var tally schemas.Tally
		tally.Add(at.UnixMilli())
		tally.Count = 1 + random.Uint64N(50)
		e := schemas.TallyEvent(key, tally)
		e.Boot, e.Seq, e.TimeMS = "7f3a9c1e", uint64(seq+1), at.UnixMilli()+60_000
		line, err := e.Line()
		if err != nil {
			panic(err)
		}
		lines.Write(line)
	}
	return lines.Bytes()
}

// BenchmarkFold folds 200,000 lines of a file that is in the page cache, most of
// them a group of their own.
func BenchmarkFold(b *testing.B) {
	path := filepath.Join(b.TempDir(), "events.jsonl")
	lines := tallyLines(200_000, 20_000)
	if err := os.WriteFile(path, lines, 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(lines)))
	b.ReportAllocs()
	for b.Loop() {
		files, err := NewFiles([]string{path}, nil)
		if err != nil {
			b.Fatal(err)
		}
		e, err := Gather(b.Context(), files, Options{Dialect: eventDialect{}})
		if err != nil {
			b.Fatal(err)
		}
		if err := e.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
