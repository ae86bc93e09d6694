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

// benchTallies are of clients of a hundred apps that came on some days.
func benchTallies(host, clients, days int) *tallyTable {
	random := rand.New(rand.NewPCG(uint64(host), 8)) //nolint:gosec // a number of a host
	table := newTallyTable()
	for i := range clients {
		client := fmt.Sprintf("10.%d.%d.%d", host%256, i>>8%256, i%256)
		subject := fmt.Sprintf("key/app-%d/k1", random.IntN(100))
		for day := range days {
			at := noon.AddDate(0, 0, -day)
			var tally schemas.Tally
			for range 1 + random.IntN(3) {
				tally.Add(at.Truncate(24 * time.Hour).Add(time.Duration(random.Int64N(int64(24 * time.Hour)))).UnixMilli())
			}
			tally.Count += random.Uint64N(1000)
			table.add(schemas.TallyKey{
				Environment: "pro", Node: fmt.Sprintf("web-%d", host), Subject: subject, Client: client, How: schemas.HowVerified,
				Outcome: schemas.OutcomeOK, Day: at.Format(time.DateOnly),
			}, tally)
		}
	}
	return table
}

func benchScan(b *testing.B, host, clients, days int) ([]byte, scanSize) {
	b.Helper()
	var out bytes.Buffer
	name := fmt.Sprintf("web-%d", host)
	header := scanHeader{
		Dialect: scanDialect{Name: "event", Digest: dialectDigest(eventDialect{})}, Hosts: []scanHost{{Name: name, At: noon.AddDate(1, 0, 0)}},
		Fold: foldState{Environments: []string{"pro"}, Window: Window{noon.AddDate(0, 0, -days), noon}},
	}
	node := newNodeFold()
	node.sign(noon.UnixMilli())
	size, err := writeScan(b.Context(), &out, header, map[string]*nodeFold{name: node}, benchTallies(host, clients, days))
	if err != nil {
		b.Fatal(err)
	}
	return out.Bytes(), size
}

// BenchmarkScanFile tells how large scan files are.
func BenchmarkScanFile(b *testing.B) {
	for _, days := range []int{1, 7} {
		b.Run(fmt.Sprintf("days=%d", days), func(b *testing.B) {
			const clients = 100_000
			for b.Loop() {
				packed, size := benchScan(b, 1, clients, days)
				b.ReportMetric(float64(len(packed))*10/1e6, "MB/Mclients")
				b.ReportMetric(float64(size.unpacked)*10/1e6, "unpackedMB/Mclients")
				b.ReportMetric(float64(len(packed))/float64(size.tallies), "B/tally")
			}
		})
	}
}

// BenchmarkMergeScans merges the scans of a fleet, with the default memory.
func BenchmarkMergeScans(b *testing.B) {
	const hosts, clients = 100, 100_000
	dir := b.TempDir()
	for host := range hosts {
		packed, _ := benchScan(b, host, clients, 1)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.scan", host)), packed, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	scans, err := NewScans([]string{dir}, "", eventDialect{})
	if err != nil {
		b.Fatal(err)
	}
	for _, bench := range []struct {
		name string
		run  func() error
	}{
		{"decode", func() error { return decodeAll(scans.paths) }},
		{"merge", func() error {
			f := NewFold("")
			f.spill = &tallySpill{memory: DefaultMemory, table: f.table}
			defer f.spill.Close()
			return scans.contribute(b.Context(), f)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			for b.Loop() {
				if err := bench.run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(hosts*clients*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mtallies/s")
		})
	}
}

// decodeAll only reads scans.
func decodeAll(paths []string) error {
	for _, path := range paths {
		r, err := openScan(path)
		if err != nil {
			return err
		}
		if err := r.nodes(func(string, *nodeFold) error { return nil }); err != nil {
			return err
		}
		for {
			_, err, more := r.next()
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		if err := r.close(); err != nil {
			return err
		}
	}
	return nil
}
