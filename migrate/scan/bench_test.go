package scan

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchText is a line as programs write them.
func benchText(form string, line int, random *rand.Rand) string {
	app, when := random.IntN(2000), fmt.Sprintf("2026-11-14T%02d:%02d:%02d.%03dZ", line/3600%24, line/60%60, line%60, random.IntN(1000))
	client := fmt.Sprintf("10.20.%d.%d", random.IntN(256), random.IntN(256))
	path := fmt.Sprintf("/configs/app-%d/default/application", app)
	outcome, status := `pass`, 200
	if random.IntN(40) == 0 {
		outcome, status = `fail","reason":"bad_signature`, 401
	}
	switch form {
	case "gateway":
		return fmt.Sprintf(`{"time":"%s","level":"INFO","msg":"auth","app":"app-%d","key":"k%d","client":"%s","outcome":"%s","method":"GET","path":"%s","status":%d,"ms":%d}`,
			when, app, random.IntN(2), client, outcome, path, status, random.IntN(60))
	case "caddy":
		return fmt.Sprintf(`{"level":"info","ts":17636832%02d.%07d,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":"%s","remote_port":"%d",`+
			`"client_ip":"%s","proto":"HTTP/1.1","method":"GET","host":"apollo.example.com","uri":"%s?ip=%s","headers":{"User-Agent":["Java/17"],"Authorization":["REDACTED"],"Timestamp":["17636832%05d"],"X-App":["app-%d"]}},`+
			`"bytes_read":0,"user_id":"","duration":0.000%06d,"size":%d,"status":%d,"resp_headers":{"Server":["Caddy"],"Content-Type":["application/json"]}}`,
			line%60, random.IntN(1e7), client, 30000+random.IntN(30000), client, path, client, random.IntN(1e5), app, 100000+random.IntN(900000), random.IntN(4000), status)
	case "numbers":
		return fmt.Sprintf(`{"ts":%d,"app":%d,"shard":%d,"latency":%d.%d,"ok":%t,"code":%d,"sizes":[%d,%d,%d],"load":%.3f}`,
			1763683200000+line*7, app, random.IntN(16), random.IntN(100), random.IntN(1000), random.IntN(2) == 0, status, random.IntN(1e6), random.IntN(1e4), random.IntN(10), random.Float64()*10)
	}
	keys := []string{`"time":"` + when + `"`, `"app":"app-` + fmt.Sprint(app) + `"`, `"client":"` + client + `"`, `"status":` + fmt.Sprint(status), `"path":"` + path + `"`}
	if form == "any order" {
		random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	} else if random.IntN(2) == 0 { // two orders
		keys[0], keys[3] = keys[3], keys[0]
	}
	return "{" + strings.Join(keys, ",") + "}"
}

func BenchmarkLine(b *testing.B) {
	for _, form := range []string{"gateway", "caddy", "numbers", "two orders", "any order"} {
		b.Run(form, func(b *testing.B) { benchLine(b, form) })
	}
}

// benchLine scans lines for what a mapping needs of them.
func benchLine(b *testing.B, form string) {
	b.Helper()
	const lines = 5000
	var text strings.Builder
	random := rand.New(rand.NewPCG(1, 2))
	for i := range lines {
		text.WriteString(benchText(form, i, random) + "\n")
	}
	fields := [][]string{{"app"}, {"client"}, {"key"}, {"outcome"}, {"reason"}, {"time"}}
	if form == "caddy" {
		fields = [][]string{{"msg"}, {"request", "client_ip"}, {"request", "headers", "X-App"}, {"request", "uri"}, {"status"}, {"ts"}}
	}
	s, _ := New(fields)
	spans := make([]Span, len(fields))
	b.SetBytes(int64(text.Len()))
	for b.Loop() {
		for at := 0; at < text.Len(); {
			at, _ = s.Line(text.String(), at, spans)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/line")
}
