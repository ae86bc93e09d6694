package apollo

import (
	"fmt"
	"strings"
	"testing"

	"lockstep/migrate"
	"lockstep/schemas"
)

// canary stands where a client sends a signature or a timestamp, and where
// Apollo prints a secret.
const canary = "CANARY5f1e9a"

// FuzzRecord reads anything as a record: it never panics, never says what a
// client has sent or what a secret is, and what it counts is a tally that an
// event log may hold.
func FuzzRecord(f *testing.F) {
	f.Add(line(message27))
	f.Add(colourized)
	f.Add(line(badSignature("10.0.0.7", "Apollo a:"+canary)) + "\n" + canary)
	f.Add("2026-11-21T01:18:41.758+08:00 ERROR 1 --- [a] [b] c : " + canary + "\n\tat x.y(Z.java:1)")
	f.Add("2026-11-21 01:18:41.758  INFO 1 --- [main] x : Found Accesskey changes, old: AccessKey{appId=a, secret=" + canary + "}")
	f.Add(`{"log":"2026-11-21 01:18:41.758  WARN 1 --- [nio-8080-exec-3] x.ClientAuthenticationFilter : ` + message27 + `\n"}`)
	f.Add("2026-11-20T17:18:41.759123456Z stdout F 2026-11-21 01:18:41.758  WARN 1 --- [x] y.ClientAuthenticationFilter :\nInvalid")
	f.Fuzz(func(t *testing.T, text string) {
		d := shanghai(t)
		for first := range strings.Lines(text) {
			d.Begins(first)
		}
		for _, text := range []string{text, strings.ReplaceAll(text, "null", canary), line(badTime(text, canary)), line(badSignature("10.0.0.7", text+canary))} {
			record, err := d.Record("cs-1/apollo-configservice.log", text)
			if said := fmt.Sprint(err, schemas.Hints(err)); strings.Contains(said, canary) {
				t.Fatalf("the error quotes the text: %s", said)
			}
			if record.Counts {
				sound(t, record, text)
			}
		}
	})
}

// sound makes sure that an event log would take what a record counts, and that
// only the app that it names is part of the text.
func sound(t *testing.T, record migrate.Record, text string) {
	t.Helper()
	e := record.Event
	e.Boot, e.Seq = "b", 1
	encoded, err := e.Line()
	if err == nil {
		_, err = schemas.ParseEvent(strings.TrimSuffix(string(encoded), "\n"))
	}
	if err != nil {
		t.Fatalf("%q counts as no event: %v", text, err)
	}
	e.Subject = ""
	if encoded, _ = e.Line(); strings.Contains(string(encoded), canary) {
		t.Fatalf("%s has what the client sent", encoded)
	}
}
