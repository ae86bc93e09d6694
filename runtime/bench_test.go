package runtime

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"lockstep/schemas"
)

// BenchmarkDecide judges a signed request by one and by five enforced keys.
func BenchmarkDecide(b *testing.B) {
	for name, count := range map[string]int{"1 key": 1, "5 keys": 5} {
		b.Run(name, func(b *testing.B) {
			var keys []*loadedKey
			for i := range count {
				id := string(rune('1' + i))
				keys = append(keys, testKey(b, "key/demo/k"+id, schemas.ModeEnforce, "s"+id))
			}
			a, req := testAuth("", keys...), signed("s1", target, noon)
			b.ReportAllocs()
			for b.Loop() {
				if d := decide(a, req, noon); d.status != 0 {
					b.Fatal(d)
				}
			}
		})
	}
}

// BenchmarkRecord counts a request of one of many clients.
func BenchmarkRecord(b *testing.B) {
	t := newTallies(maxTallies, maxKnown)
	b.ReportAllocs()
	b.RunParallel(func(p *testing.PB) {
		key := tallyKey{subject: "key/demo/k1", client: "10.1.2.3", how: schemas.HowClaimed, outcome: schemas.OutcomeOK}
		for p.Next() {
			t.add("key/demo", key, noon.UnixMilli())
		}
	})
}

// BenchmarkProxy sends signed requests through a whole server on loopback.
func BenchmarkProxy(b *testing.B) {
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "0123456789abcdef")
	}))
	b.Cleanup(up.Close)
	w := newWorld(b, up.URL)
	w.write("rollout.yaml", rollout("key/demo/k1", "enforce", "file:k1"))
	w.start()
	req := signed(secret1, target, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		if status, _ := w.get(target, "Timestamp", req.timestamp[0], "Authorization", req.authorization[0]); status != http.StatusOK {
			b.Fatal(status)
		}
	}
}

// BenchmarkReplay remembers signatures, one in eight of which is used again.
func BenchmarkReplay(b *testing.B) {
	r, now := newReplays(maxReplays), noon.UnixMilli()
	signatures := make([]string, 1<<16)
	for i := range signatures {
		signatures[i] = strconv.Itoa(i * 7919)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.seen(signatures[(i-i/8)%len(signatures)], now+int64(i)/10, 120_000)
	}
}
