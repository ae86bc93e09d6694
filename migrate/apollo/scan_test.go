package apollo

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate"
)

// inFull hides that lines of a dialect can be scanned: all are read in full.
type inFull struct{ migrate.RecordDialect }

// oddLine is said in one of the layouts that config services have, or in one
// that they have not.
func oddLine(random *rand.Rand, at time.Time) string {
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	stamp := at.Format(pick("2006-01-02 15:04:05.000", "2006-01-02 15:04:05.000", "2006-01-02T15:04:05.000+08:00", "2006-01-02T15:04:05.000+0530",
		"2006-01-02T15:04:05.000Z", "2006-01-02 15:04:05,000", "2006-01-02 15:04:05", "2006-01-02 15:04:05.000000", "15:04:05", "2006-01-02 15:75:05.000"))
	origin := pick("1 --- ", "1 --- ", "", "1 --- [app] ", "1 --- [a] [b] ") + "[" +
		pick("http-nio-8080-exec-1", "http-nio-8080-exec-10", "nio-8080-exec-3", "a]b", "", "c.ClientAuthenticationFilter", "starting:config") + "] " +
		pick("c.c.f.a.c.f.ClientAuthenticationFilter   : ", "c.c.f.a.c.f.ClientAuthenticationFilter   : ", "x.ClientAuthenticationFilter [starting:config] : ",
			"ClientAuthenticationFilter :", "other.Class  : ", "ClientAuthenticationFilterX : ", "")
	app := pick("SampleApp", "a", "a.b-c_d", ".a", "a/b", "", strings.Repeat("x", 65), "ä", "demo")
	client := pick("clientIp=10.0.0.7,", "clientIp=10.0.0.7,", "", "clientIp=,", "clientIp=::1,", "clientIp=010.0.0.7,", "clientIp=10.0.0.256,", "clientIp=10.0.0.7:80,",
		"clientIp=1.2.3.4.5,", "clientIp=1.2.3,", "clientIp=lockstep-probe,", "clientIp= 10.0.0.7,", "clientIp=unknown,")
	kind := pick("timestamp", "authorization")
	value := pick("null", "null", "1575018989200", "-5", "+5", "", "now", strings.Repeat("9", 19), "Apollo a:x", "Apollo a:", "a::b", "null ", "null\t", "x,clientIp=1.1.1.1,timestamp=null")
	message := "Invalid " + kind + pick(" in pre-check", " in pre-check", "", " in  pre-check") + "." + pick(" ", " ", "") + "appId=" + app + "," + client + pick(kind, kind, kind, "timestamp") + "=" + value
	line := stamp + pick("  ", " ", "\t") + pick("WARN ", "WARN ", "WARN ", "WARN ", "INFO ", "ERROR ", "NOTE ", "WARN") + origin + message
	return line[:len(line)-cut(random, len(line))] + pick("", "", "", " ", "\r", "\x1b[0m", "\n\tat a.B(C.java:1)", "\nnull", "\n\n")
}

// cut is how much of a line is cut off, mostly nothing.
func cut(random *rand.Rand, size int) int {
	if random.IntN(20) > 0 {
		return 0
	}
	return random.IntN(size)
}

// oddLog is a log of blocks that nobody would write together: lines of all
// sorts between those of [traffic], which repeat themselves.
func oddLog(random *rand.Rand, share int) []string {
	lines, _ := traffic(random, 2000+random.IntN(4000))
	for i := range lines {
		if random.IntN(share) > 0 {
			continue
		}
		lines[i] = oddLine(random, at.Add(8*time.Hour+time.Duration(i)*20*time.Millisecond))
		if random.IntN(400) == 0 {
			lines[i] = "2026-11-21 01:18:42.000  INFO 1 --- [main] x.Y : AccessKey{appId=a,\nsecret=" + canary + "}"
		}
	}
	return lines
}

// Scanned or read in full: a log says the same, whatever is in it. FULL=1 draws
// more logs.
func TestScannedLogsAgreeWithTheReference(t *testing.T) {
	t.Parallel()
	seeds := uint64(3)
	if os.Getenv("FULL") != "" {
		seeds = 60
	}
	for seed := range seeds {
		random := rand.New(rand.NewPCG(seed, 3))
		dir := t.TempDir()
		for i := range 1 + random.IntN(3) {
			write(t, dir, fmt.Sprintf("cs-%d/%d.log", random.IntN(2), i), oddLog(random, []int{2, 20, 300}[seed%3])...)
		}
		var said [3]string
		for i, opts := range []migrate.Options{
			{Dialect: inFull{shanghai(t)}}, {Dialect: shanghai(t)}, {Dialect: shanghai(t), Store: filepath.Join(t.TempDir(), "store.db")},
		} {
			files, err := migrate.NewFiles([]string{dir}, nil)
			if err != nil {
				t.Fatal(err)
			}
			e, err := migrate.Gather(t.Context(), files, opts)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			if err := e.WriteJSON(&text); err != nil {
				t.Fatal(err)
			}
			_ = e.Close()
			said[i] = text.String()
		}
		for _, scanned := range said[1:] {
			if diff := cmp.Diff(said[0], scanned); diff != "" {
				t.Fatalf("seed %d (-in full +scanned):\n%.3000s", seed, diff)
			}
		}
	}
}

// checkScan makes sure that what a scanner reads of a text is what its lines
// say, and returns how many it has read.
func checkScan(t *testing.T, text string) (read int) {
	t.Helper()
	d := shanghai(t)
	s := d.Scanner("cs-1/a.log", text)
	if s == nil {
		return 0
	}
	for from := 0; from < len(text); {
		end := len(text)
		if size := strings.IndexByte(text[from:], '\n'); size >= 0 {
			end = from + size + 1
		}
		var l migrate.Line
		next, reading := s.Scan(text, from, &l)
		counts, understood := d.Meaning("cs-1/a.log", text, &l)
		if reading == migrate.ReadSign || reading == migrate.ReadCount && understood {
			read++
			want, err := d.Record("cs-1/a.log", text[from:end])
			got := migrate.Record{Node: s.Node(), TimeMS: l.TimeMS}
			if reading == migrate.ReadCount {
				got = counts
			}
			if diff := cmp.Diff(want, got); err != nil || next != end || diff != "" {
				t.Fatalf("%q: error %v, end %d of %d, (-in full +scanned):\n%s", text[from:end], err, next, end, diff)
			}
			if l.IsAddress && got.Event.Client != l.Client.Of(text) {
				t.Fatalf("%q: the client is %s", text[from:end], got.Event.Client)
			}
		}
		from = end
	}
	return read
}

func TestScan(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 3))
	read, all := 0, 0
	for range 100 {
		var text strings.Builder
		moment := at.Add(time.Duration(random.Int64N(int64(1000 * time.Hour))))
		for range 50 {
			fmt.Fprintln(&text, strings.ReplaceAll(oddLine(random, moment), "\x1b", ""))
			all++
		}
		read += checkScan(t, text.String())
	}
	if read < all/10 {
		t.Errorf("%d of %d lines were read", read, all)
	}
}

// FuzzScan reads anything as lines: what a scanner reads is what they say.
func FuzzScan(f *testing.F) {
	f.Add(line(message27) + "\n" + line(badSignature("10.0.0.8", signed)) + "\n")
	f.Add("2026-11-21T01:18:41.758+08:00  WARN 1 --- [a] [b] c.ClientAuthenticationFilter : " + message27 + " \r\n")
	random := rand.New(rand.NewPCG(4, 4))
	for range 20 {
		f.Add(oddLine(random, at) + "\n" + oddLine(random, at) + "\n" + oddLine(random, at) + "\n")
	}
	f.Fuzz(func(t *testing.T, text string) { checkScan(t, text) })
}

// Around the moments at which clocks are put forward or back, by an hour or
// less, a scanner has the times that a line has.
func TestScanChangesOfTime(t *testing.T) {
	t.Parallel()
	for name, from := range map[string]time.Time{
		"Europe/Berlin":       time.Date(2026, 10, 24, 23, 0, 0, 0, time.UTC),
		"America/New_York":    time.Date(2026, 3, 8, 5, 0, 0, 0, time.UTC),
		"Australia/Lord_Howe": time.Date(2026, 4, 4, 12, 0, 0, 0, time.UTC), // by half an hour
		"Asia/Kathmandu":      time.Date(1985, 12, 31, 16, 0, 0, 0, time.UTC),
		"Africa/Monrovia":     time.Date(1972, 1, 6, 23, 0, 0, 0, time.UTC), // by 44 minutes and a half
		"Asia/Shanghai":       time.Date(1991, 9, 14, 13, 0, 0, 0, time.UTC),
	} {
		d := dialect(t, migrate.Selection{Name: Name, Timezone: name, Environment: "pro"})
		var text strings.Builder
		for minute := range 6 * 60 {
			local := from.Add(time.Duration(minute)*time.Minute + 7*time.Millisecond).In(d.zone)
			fmt.Fprintf(&text, "%s  WARN 1 --- [x] y.ClientAuthenticationFilter : %s\n", local.Format("2006-01-02 15:04:05.000"), message27)
		}
		s, read := d.Scanner("", text.String()), 0
		for at := 0; at < text.Len(); {
			var l migrate.Line
			end := at + strings.IndexByte(text.String()[at:], '\n') + 1
			if _, reading := s.Scan(text.String(), at, &l); reading == migrate.ReadCount {
				read++
				if want, err := d.Record("", text.String()[at:end]); err != nil || want.TimeMS != l.TimeMS {
					t.Errorf("%s: %s is at %d, want %d", name, text.String()[at:at+23], l.TimeMS, want.TimeMS)
				}
			}
			at = end
		}
		if read < 4*60 {
			t.Errorf("%s: %d lines were read", name, read)
		}
	}
}

// A line that is scanned counts on its day in UTC.
func TestScanKeepsDays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "cs-1/a.log",
		"2026-11-21 07:59:59.999  WARN 1 --- [http-nio-8080-exec-1] y.ClientAuthenticationFilter : "+badSignature("10.0.0.7", signed),
		"2026-11-21 08:00:00.000  WARN 1 --- [http-nio-8080-exec-1] y.ClientAuthenticationFilter : "+badSignature("10.0.0.7", signed))
	e := gather(t, dir, "")
	var got []string
	for key, tally := range e.Tallies {
		got = append(got, fmt.Sprintf("%s %d %b", key.Day, tally.Count, tally.Hours))
	}
	if diff := cmp.Diff([]string{"2026-11-20 1 " + "1" + strings.Repeat("0", 23), "2026-11-21 1 1"}, got); diff != "" {
		t.Errorf("tallies (-want +got):\n%s", diff)
	}
}
