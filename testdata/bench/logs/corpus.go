package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A corpus is a log of one week, the same one each time.
type corpus struct {
	name   string
	lines  int
	groups int // of app, key and client
	write  func(g *generator, line []byte) []byte
}

// fullLines is how many lines a log has at full size, for so many groups.
const fullLines, fewGroups, manyGroups = 6_500_000, 190_630, 1_742_592

// corpora are the logs of a benchmark of so many lines. Packed ones hold the
// lines of the first.
func corpora(lines int) map[string]corpus {
	few, many := lines*fewGroups/fullLines, lines*manyGroups/fullLines
	return map[string]corpus{
		"auth.jsonl": {"auth.jsonl", lines, few, authLine},
		"many.jsonl": {"many.jsonl", lines, many, authLine},
		"apollo.log": {"apollo.log", lines, few, apolloLine},
	}
}

// path writes a log unless it is there, and tells where it is.
func (c corpus) path(dir string) (string, error) {
	path := filepath.Join(dir, strconv.Itoa(c.lines)+"-"+c.name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	return path, whole(path, func(out io.Writer) error {
		g := newGenerator(c)
		var line []byte
		for range c.lines {
			line = c.write(g, line[:0])
			if _, err := out.Write(line); err != nil {
				return err
			}
		}
		return nil
	})
}

// whole writes a file that is there once all of it is.
func whole(path string, write func(io.Writer) error) (err error) {
	file, err := os.Create(path + ".part")
	if err != nil {
		return fmt.Errorf("write corpus: %w", err)
	}
	out := bufio.NewWriterSize(file, 1<<20)
	if err := errors.Join(write(out), out.Flush(), file.Sync(), file.Close()); err != nil {
		return fmt.Errorf("write corpus: %w", err)
	}
	return os.Rename(path+".part", path)
}

// packed packs a log as `gzip -6` or `zstd -3` would, unless that was done.
func packed(log, suffix string) (string, error) {
	if _, err := os.Stat(log + suffix); err == nil {
		return log + suffix, nil
	}
	return log + suffix, whole(log+suffix, func(out io.Writer) error {
		in, err := os.Open(log)
		if err != nil {
			return err
		}
		defer in.Close()
		to, err := packer(out, suffix)
		if err != nil {
			return err
		}
		_, err = io.Copy(to, in)
		return errors.Join(err, to.Close())
	})
}

func packer(out io.Writer, suffix string) (io.WriteCloser, error) {
	if suffix == ".gz" {
		return gzip.NewWriterLevel(out, 6)
	}
	return zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(3)), zstd.WithEncoderConcurrency(1))
}

// A generator draws requests: each group comes up once in turn, so that their
// number is known, and most of the others are of few groups.
type generator struct {
	corpus
	random *rand.Rand
	zipf   *rand.Zipf
	seq    int
	last   map[int]int // group by thread, of lines that a second one may follow
}

func newGenerator(c corpus) *generator {
	random := rand.New(rand.NewPCG(7, 8)) //nolint:gosec // the same log each time
	return &generator{corpus: c, random: random, zipf: rand.NewZipf(random, 1.1, 50, uint64(c.groups-1)), last: map[int]int{}}
}

// A request is what a line tells of.
type request struct {
	at               int64 // Unix time in milliseconds
	app, key, client int
	group            int
	fails            bool
}

// begin is 2026-11-14T00:00:00Z.
const begin, week = 1794614400000, 7 * 24 * int64(time.Hour/time.Millisecond)

func (g *generator) next() request {
	group, turn := int(g.zipf.Uint64()), g.lines/g.groups //nolint:gosec // less than groups
	if g.seq%turn == 0 && g.seq/turn < g.groups {
		group = g.seq / turn
	}
	// Lines are in order but for some milliseconds, as of several threads.
	at := int64(g.seq)*(week-1000)/int64(g.lines) + g.random.Int64N(20)
	g.seq++
	const apps, clients = 2000, 50_000 // each client calls several apps
	return request{
		at: begin + at, app: (group*7 + group/clients*57) % apps, key: 1 + group%2, client: group % clients * 40_503 % (1 << 16),
		group: group, fails: group%20 == 0 && g.random.IntN(2) == 0,
	}
}

func (r request) appendClient(line []byte) []byte {
	line = strconv.AppendInt(append(line, "10.20."...), int64(r.client>>8), 10)
	line = append(line, '.')
	return strconv.AppendInt(line, int64(r.client&255), 10)
}

func (r request) appendApp(line []byte) []byte {
	return strconv.AppendInt(append(line, "app-"...), int64(r.app), 10)
}

// authLine is a line of a gateway that checks signatures.
func authLine(g *generator, line []byte) []byte {
	r := g.next()
	line = append(line, `{"time":"`...)
	line = time.UnixMilli(r.at).UTC().AppendFormat(line, "2006-01-02T15:04:05.000Z")
	line = r.appendApp(append(line, `","level":"INFO","msg":"auth","app":"`...))
	line = strconv.AppendInt(append(line, `","key":"k`...), int64(r.key), 10)
	line = r.appendClient(append(line, `","client":"`...))
	status := 200
	if r.fails {
		status = 401
		line = append(line, `","outcome":"fail","reason":"`...)
		line = append(line, [...]string{"bad_signature", "expired_timestamp", "missing_header", "unknown_key"}[g.random.IntN(4)]...)
	} else {
		line = append(line, `","outcome":"pass`...)
	}
	line = r.appendApp(append(line, `","method":"GET","path":"/configs/`...))
	line = strconv.AppendInt(append(line, `/default/application","status":`...), int64(status), 10)
	line = strconv.AppendInt(append(line, `,"ms":`...), g.random.Int64N(60), 10)
	return append(line, "}\n"...)
}

// apolloLine is a line of the file of Apollo's config service: most are of the
// pre-check, which lets requests pass.
func apolloLine(g *generator, line []byte) []byte {
	thread := 1 + g.random.IntN(200)
	r := g.next()
	line = time.UnixMilli(r.at+8*int64(time.Hour/time.Millisecond)).UTC().AppendFormat(line, "2006-01-02 15:04:05.000")
	if g.random.IntN(20) == 0 {
		line = strconv.AppendInt(append(line, "  INFO 1 --- [http-nio-8080-exec-"...), int64(thread), 10)
		line = append(line, "] c.c.f.a.c.c.ConfigFileController          : query namespace application of cluster default, released long ago"...)
		return append(line, '\n')
	}
	line = strconv.AppendInt(append(line, "  WARN 1 --- [http-nio-8080-exec-"...), int64(thread), 10)
	line = append(line, "] c.c.f.a.c.f.ClientAuthenticationFilter   : Invalid "...)
	// A second line of the same request would count once, which DuckDB cannot tell.
	if before, ok := g.last[thread]; g.random.IntN(3) == 0 || ok && before == r.group {
		g.last[thread] = r.group
		value := "null"
		if r.group%2 == 0 {
			value = strconv.FormatInt(r.at-7_200_000, 10)
		}
		return append(append(r.appendRest(append(line, "timestamp"...), "timestamp="), value...), '\n')
	}
	delete(g.last, thread)
	line = r.appendRest(append(line, "authorization"...), "authorization=Apollo ")
	return append(r.appendApp(line), ":WYjjyJFei6DYiaMlwZjew2O/Yqk=\n"...)
}

func (r request) appendRest(line []byte, name string) []byte {
	line = r.appendApp(append(line, " in pre-check. appId="...))
	line = r.appendClient(append(line, ",clientIp="...))
	return append(append(line, ','), name...)
}
