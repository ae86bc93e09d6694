package apollo

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/migrate"
	"lockstep/schemas"
)

// shanghai is the dialect for logs of a config service that runs as Apollo's
// start script has it.
func shanghai(tb testing.TB) *Dialect {
	tb.Helper()
	return dialect(tb, migrate.Selection{Name: Name, Timezone: "Asia/Shanghai", Environment: "pro"})
}

func dialect(tb testing.TB, s migrate.Selection, nodes ...string) *Dialect {
	tb.Helper()
	d, ok, err := NewDialect(s, nodes)
	if err != nil || !ok {
		tb.Fatalf("NewDialect: %v, %v", ok, err)
	}
	return d
}

// The moment of all lines below, 2026-11-21 01:18:41.758 in Shanghai.
var at = time.Date(2026, 11, 20, 17, 18, 41, 758e6, time.UTC)

// sees is what is understood of a record, for people: as `fail key/a 10.0.0.7
// missing`, with what pairs and what copies it.
func sees(r migrate.Record, err error) string {
	switch {
	case err != nil:
		return "error: " + err.Error()
	case !r.Counts:
		return "nothing"
	}
	words := []string{string(r.Event.Outcome), r.Event.Subject, r.Event.Client, string(r.Event.How), string(r.Event.Reason)}
	if r.Second {
		words = append(words, "second")
	}
	if r.Copy != "" {
		words = append(words, r.Copy)
	}
	return strings.Join(words, " ")
}

const (
	message27  = "Invalid timestamp in pre-check. appId=SampleApp,clientIp=10.0.0.7,timestamp=null"
	colourized = "\x1b[2m2026-11-21 01:18:41.758\x1b[0;39m \x1b[33m WARN\x1b[0;39m \x1b[35m1234\x1b[0;39m \x1b[2m---\x1b[0;39m " +
		"\x1b[2m[nio-8080-exec-3]\x1b[0;39m \x1b[36mc.c.f.a.c.f.ClientAuthenticationFilter  \x1b[0;39m \x1b[2m:\x1b[0;39m " + message27
)

// Every layout of 2.3 to 3.0 says the same.
func TestLayouts(t *testing.T) {
	t.Parallel()
	const file, console = "fail key/sampleapp 10.0.0.7 claimed missing", "fail key/sampleapp 10.0.0.7 claimed missing console"
	for name, test := range map[string]struct{ text, want string }{
		"apollo §3: the file of Spring Boot 2.7": {
			"2026-11-21 01:18:41.758  WARN 1234 --- [http-nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27, file,
		},
		"apollo §3: the console cuts the thread to 15 characters": {
			"2026-11-21 01:18:41.758  WARN 1234 --- [nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27, console,
		},
		"apollo §3: the console in colour": {colourized, console},
		"apollo §3: the file of Spring Boot 4 has an offset, the name of the application and a blank at the end": {
			"2026-11-21T01:18:41.758+08:00  WARN 1234 --- [apollo-configservice] [http-nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27 + " ", file,
		},
		"an offset of zero is Z": {
			"2026-11-20T17:18:41.758Z  WARN 1234 --- [apollo-configservice] [nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27, console,
		},
		"the assembly of all services": {
			"2026-11-21 01:18:41.758  WARN 1234 --- [http-nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   [starting:config] : " + message27, file,
		},
		"no process id and the whole class": {
			"2026-11-21 01:18:41,758 WARN   --- [http-nio-8080-exec-3] com.ctrip.framework.apollo.configservice.filter.ClientAuthenticationFilter : " + message27, file,
		},
		"kept by Docker": {
			`{"log":"2026-11-21 01:18:41.758  WARN 1 --- [nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : ` + message27 + `\n","stream":"stdout","time":"2026-11-20T17:18:41.759Z"}`, console,
		},
		"kept by containerd": {
			"2026-11-20T17:18:41.759123456Z stdout F 2026-11-21 01:18:41.758  WARN 1 --- [nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27, console,
		},
		"several services of docker compose": {
			"config-1  | 2026-11-21 01:18:41.758  WARN 1 --- [nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27, console,
		},
		"wrapped at 80 columns": {
			"2026-11-21 01:18:41.758  WARN 1234 --- [http-nio-8080-exec-3] c.c.f.a.c.f.Client\nAuthenticationFilter   : Invalid timestamp in pre-check. appId=SampleApp,clientI\np=10.0.0.7,timestamp=null", file,
		},
		"wrapped between words": {
			"2026-11-21 01:18:41.758  WARN 1234 --- [http-nio-8080-exec-3]\nc.c.f.a.c.f.ClientAuthenticationFilter   : Invalid timestamp in\npre-check. appId=SampleApp,clientIp=10.0.0.7,timestamp=null", file,
		},
		"Windows": {
			"2026-11-21 01:18:41.758  WARN 1234 --- [http-nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27 + "\r\n", file,
		},
		"what the Java VM writes on the console after it": {
			"2026-11-21 01:18:41.758  WARN 1 --- [nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27 + "\n[12.345s][info][safepoint] Safepoint \"Cleanup\"", console,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record, err := shanghai(t).Record("apollo-configservice.log", test.text)
			if got := sees(record, err); got != test.want {
				t.Errorf("it sees %s, want %s", got, test.want)
			}
			if record.TimeMS != at.UnixMilli() || record.Event.FirstMS != at.UnixMilli() || record.Event.Day != "2026-11-20" {
				t.Errorf("at %s, day %s, want %s", time.UnixMilli(record.TimeMS).UTC(), record.Event.Day, at)
			}
		})
	}
}

// line is a line of the file of Spring Boot 2.7.
func line(message string) string {
	return "2026-11-21 01:18:41.758  WARN 1234 --- [http-nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message
}

// What a message says, and of what it leaves out.
func TestMessages(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ message, want string }{
		"a clock that is off": {
			"Invalid timestamp in pre-check. appId=a,clientIp=10.0.0.7,timestamp=1575018989200", "fail key/a 10.0.0.7 claimed skew",
		},
		"no time": {"Invalid timestamp in pre-check. appId=a,clientIp=10.0.0.7,timestamp=now", "fail key/a 10.0.0.7 claimed malformed"},
		"no signature": {
			"Invalid authorization in pre-check. appId=a,clientIp=10.0.0.7,authorization=null", "fail key/a 10.0.0.7 claimed missing second",
		},
		"a wrong signature": {
			"Invalid authorization in pre-check. appId=a,clientIp=10.0.0.7,authorization=Apollo a:WYjjyJFei6DYiaMlwZjew2O/Yqk=", "fail key/a 10.0.0.7 claimed signature second",
		},
		"apollo §1: @gaoding/apollo-client sends 40 hex digits and no colon": {
			"Invalid authorization in pre-check. appId=a,clientIp=10.0.0.7,authorization=" + strings.Repeat("0f", 20), "fail key/a 10.0.0.7 claimed malformed second",
		},
		"apollo §1: ApolloSdk of PHP signs nothing with an empty secret": {
			"Invalid authorization in pre-check. appId=a,clientIp=10.0.0.7,authorization=Apollo a:", "fail key/a 10.0.0.7 claimed malformed second",
		},
		"apollo §3: enforced, the time": {"Invalid timestamp. appId=a,clientIp=10.0.0.7,timestamp=null", "fail key/a 10.0.0.7 claimed missing"},
		"apollo §3: enforced, the signature": {
			"Invalid authorization. appId=a,clientIp=10.0.0.7,authorization=Apollo a:WYjjyJFei6DYiaMlwZjew2O/Yqk=", "fail key/a 10.0.0.7 claimed signature",
		},
		"apollo §3: up to 2.3 no client is named": {"Invalid authorization. appId=a,authorization=null", "fail key/a (no address) claimed missing"},
		"apollo §2: the log keeps the spelling of the client": {
			"Invalid timestamp in pre-check. appId=SAMPLEapp,clientIp=10.0.0.7,timestamp=null", "fail key/sampleapp 10.0.0.7 claimed missing",
		},
		"apollo §3 trap 5: the first X-Forwarded-For may be anything": {
			"Invalid timestamp in pre-check. appId=a,clientIp=unknown,timestamp=null", "fail key/a (no address) claimed missing",
		},
		"our own probe":             {"Invalid timestamp in pre-check. appId=a,clientIp=lockstep-probe,timestamp=null", "fail key/a (probe) claimed missing"},
		"an address with a port":    {"Invalid timestamp. appId=a,clientIp=10.0.0.7:4711,timestamp=null", "fail key/a 10.0.0.7 claimed missing"},
		"IPv6 as Tomcat spells it":  {"Invalid timestamp. appId=a,clientIp=0:0:0:0:0:0:0:1,timestamp=null", "fail key/a ::1 claimed missing"},
		"IPv6 with a port":          {"Invalid timestamp. appId=a,clientIp=[fe80::1%eth0]:80,timestamp=null", "fail key/a fe80::1 claimed missing"},
		"IPv4 in IPv6":              {"Invalid timestamp. appId=a,clientIp=::ffff:10.0.0.7,timestamp=null", "fail key/a 10.0.0.7 claimed missing"},
		"another line of the class": {"Filter 'clientAuthenticationFilter' configured", "nothing"},
		"cut off":                   {"Invalid timestamp in pre-check. appId=a,clientIp=10.0.", "error: it ends early: give the log as it was written"},
		"two halves that do not fit": {
			"Invalid timestamp in pre-check. appId=a,clientIp=10.0.0.7,authorization=null", "error: it ends early: give the log as it was written",
		},
		"an app id of before 2.5.2 that no key can have": {
			"Invalid timestamp. appId=a/b,clientIp=10.0.0.7,timestamp=null", "error: appId is none that can have a key",
		},
		"apollo §3 trap 8: what the client sends may look like the rest": {
			"Invalid timestamp in pre-check. appId=a,clientIp=10.0.0.7,timestamp=x,clientIp=10.9.9.9,timestamp=null", "fail key/a 10.0.0.7 claimed malformed",
		},
		"apollo §3 trap 8: nor does a second message count": {
			"Invalid authorization. appId=a,clientIp=10.0.0.7,authorization=Apollo b:c Invalid timestamp. appId=b,clientIp=10.9.9.9,timestamp=null", "fail key/a 10.0.0.7 claimed signature",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sees(shanghai(t).Record("apollo-configservice.log", line(test.message))); got != test.want {
				t.Errorf("it sees %s, want %s", got, test.want)
			}
		})
	}
}

// Lines of others are no concern, but what looks like the check and cannot be
// read is never left out in silence.
func TestOtherLines(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, want string }{
		"nothing":        {"", "nothing"},
		"another logger": {"2026-11-21 01:18:41.758  INFO 1234 --- [main] c.n.e.registry.AbstractInstanceRegistry : Running the evict task", "nothing"},
		"another logger with a stack trace through the filter": {
			"2026-11-21 01:18:41.758 ERROR 1234 --- [http-nio-8080-exec-3] o.a.c.c.C.[.[.[/].[dispatcherServlet]    : Servlet.service() threw exception\n\n" +
				"java.lang.IndexOutOfBoundsException: Index 0\n\tat com.ctrip.framework.apollo.configservice.filter.ClientAuthenticationFilter.doCheck(ClientAuthenticationFilter.java:99)", "nothing",
		},
		"another logger that quotes a message of the check": {
			"2026-11-21 01:18:41.758  WARN 1234 --- [http-nio-8080-exec-3] o.a.coyote.http11.Http11Processor : Invalid header: Invalid timestamp. appId=a,clientIp=10.9.9.9,timestamp=null", "nothing",
		},
		"another level":            {"2026-11-21 01:18:41.758  INFO 1234 --- [http-nio-8080-exec-3] c.c.f.a.c.f.ClientAuthenticationFilter   : " + message27, "nothing"},
		"a line without beginning": {"nticationFilter   : " + message27, "error: a line of the check without its beginning"},
		"a pattern of somebody":    {"2026-11-21 01:18:41.758 WARN ClientAuthenticationFilter - " + message27, "error: a line of the check in a layout that is not known"},
		"without a time":           {"[WARN] com.ctrip.framework.apollo.configservice.filter.ClientAuthenticationFilter - " + message27, "error: a line of the check without its beginning"},
		"before 1970":              {"1969-11-21 01:18:41.758  WARN 1 --- [main] x : y", "error: its time is none of these centuries"},
		"the banner":               {" :: Spring Boot ::               (v2.7.11)", "nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sees(shanghai(t).Record("apollo-configservice.log", test.text)); got != test.want {
				t.Errorf("it sees %s, want %s", got, test.want)
			}
		})
	}
}

// Up to 2.5.2 times have no offset, whatever zone the machine is in that reads
// the log.
func TestTimezone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timezone, text string
		want           time.Time
	}{
		"apollo §3 trap 2: the zone is named": {"Asia/Shanghai", line(message27), at},
		"another zone":                        {"UTC", line(message27), at.Add(8 * time.Hour)},
		"an offset wins":                      {"UTC", "2026-11-21T01:18:41.758+08:00  WARN 1 --- [a] [http-nio-8080-exec-3] c.ClientAuthenticationFilter : " + message27, at},
		"an offset needs no name":             {"", "2026-11-20T11:48:41.758-0530  INFO 1 --- [a] [main] x : y", at},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dialect(t, migrate.Selection{Name: Name, Timezone: test.timezone, Environment: "pro"})
			record, err := d.Record("", test.text)
			if err != nil || record.TimeMS != test.want.UnixMilli() {
				t.Errorf("at %s, %v, want %s", time.UnixMilli(record.TimeMS).UTC(), err, test.want)
			}
		})
	}
	_, err := dialect(t, migrate.Selection{Name: Name, Environment: "pro"}).Record("", line(message27))
	if !errors.Is(err, migrate.ErrTimezone) || len(schemas.Hints(err)) != 1 || !strings.Contains(schemas.Hints(err)[0], "--timezone Asia/Shanghai") {
		t.Errorf("without a zone: %v, hints %v", err, schemas.Hints(err))
	}
}

func TestNewDialectRefuses(t *testing.T) {
	t.Parallel()
	of := func(def schemas.Mapping) migrate.Selection {
		return migrate.Selection{Name: "config", Environment: "pro", Mappings: map[string]schemas.Mapping{"config": def}}
	}
	for want, s := range map[string]migrate.Selection{
		"dialect apollo: nothing says of which environment the lines are": {Name: Name},
		"dialect apollo: timezone: there is no such zone":                 {Name: Name, Environment: "pro", Timezone: "Shanghai"},
		"dialect config: timezone: there is no such zone":                 of(schemas.Mapping{Preset: Name, Timezone: "Local"}),
		"dialect config: select: the log of Apollo is known":              of(schemas.Mapping{Preset: Name, Select: "true"}),
		"dialect config: client: the log of Apollo is known":              of(schemas.Mapping{Preset: Name, Client: []schemas.MappingClient{{}}}),
	} {
		_, ok, err := NewDialect(s, nil)
		if !ok || err == nil || !strings.HasPrefix(err.Error(), want) || len(schemas.Hints(err)) == 0 {
			t.Errorf("got %v, want %s and a hint", err, want)
		}
	}
	if _, ok, err := NewDialect(migrate.Selection{Name: "event"}, nil); ok || err != nil {
		t.Errorf("event is taken: %v, %v", ok, err)
	}
}

// A mapping carries the zone, and says who has to log and how often.
func TestMapping(t *testing.T) {
	t.Parallel()
	def := schemas.Mapping{Preset: Name, Timezone: "Asia/Shanghai", Environment: "pro", Nodes: []string{"cs-1", "cs-2"}, MaxGap: schemas.Duration(6 * time.Hour)}
	d := dialect(t, migrate.Selection{Name: "config", Mappings: map[string]schemas.Mapping{"config": def}}, "other")
	record, err := d.Record("/logs/cs-2/apollo-configservice.log", line(message27))
	if err != nil || record.TimeMS != at.UnixMilli() || record.Node != "cs-2" || record.Event.Environment != "pro" {
		t.Errorf("%+v, %v", record, err)
	}
	want := migrate.Profile{Nodes: def.Nodes, MaxGap: 6 * time.Hour, FailuresOnly: true}
	if diff := cmp.Diff(want, d.Profile()); diff != "" {
		t.Errorf("profile (-want +got):\n%s", diff)
	}
}

// Stores are bound to what decides the meaning of a line.
func TestIdentity(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range []migrate.Selection{
		{Name: Name, Environment: "pro"}, {Name: Name, Environment: "fat"}, {Name: Name, Environment: "pro", Timezone: "UTC"},
	} {
		seen[dialect(t, s).Identity()] = true
	}
	if seen[dialect(t, migrate.Selection{Name: Name, Environment: "pro"}, "cs-1").Identity()] || len(seen) != 3 {
		t.Errorf("identities %v", seen)
	}
}
