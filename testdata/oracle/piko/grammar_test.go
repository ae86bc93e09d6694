package piko_test

import (
	"math/rand/v2"
	"strings"
)

// A writer writes a config. Each choice on the way takes one byte; when none
// is left, everything is as plain as can be.
type writer struct {
	choices []byte
	anchors int
}

// choices are random bytes to start from.
func choices(seed uint64) []byte {
	source := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
	text := make([]byte, 400)
	_, _ = source.Read(text) // never fails
	return text
}

// generate turns choices into a config.
func generate(from []byte) []byte {
	w := &writer{choices: from}
	text := w.config()
	if w.odd(20) {
		text = strings.ReplaceAll(text, "\n", one(w, "\r\n", "\r", "\u2028", "\u0085"))
	}
	return []byte(one(w, "", "", "", "", "\ufeff", "---\n", "%YAML 1.1\n---\n", "%YAML 1.2\n---\n", "# ${ML}\n", "# c\n") + text +
		one(w, "", "", "", "---\n{{{", "...\nlisteners: []\n", "# $PV\n"))
}

// byte takes the next choice.
func (w *writer) byte() int {
	if len(w.choices) == 0 {
		return 0
	}
	b := w.choices[0]
	w.choices = w.choices[1:]
	return int(b)
}

// odd is true for about one choice in n, and never when none is left.
func (w *writer) odd(n int) bool { return w.byte()%n == n-1 }

// one picks one of the values; the first is the plainest.
func one[T any](w *writer, values ...T) T { return values[w.byte()%len(values)] }

// A field is a key and how its value is made. Those that come seldom are the
// ones that the agent does well without.
type field struct {
	key    string
	value  func(w *writer, indent string) string
	seldom int // one in so many has it; 0 means that most have
}

func (w *writer) config() string {
	return w.mapping("", []field{
		{"listeners", listeners, 0},
		{"connect", connect, 3},
		{"server", mapOf(field{"enabled", boolean, 2}, field{"bind_addr", text, 2}), 4},
		{"log", mapOf(field{"level", level, 2}, field{"subsystems", list, 2}), 4},
		{"grace_period", duration, 4},
		{"unknown", text, 60},
	})
}

func listeners(w *writer, indent string) string {
	if w.odd(30) {
		return one(w, " []", " {}", " ~", "", ` ""`, " [~]", " x")
	}
	var out strings.Builder
	for range 1 + w.byte()%3 {
		switch {
		case w.odd(12):
			out.WriteString("\n" + indent + "-" + one(w, "", " ~", " null", " {}", " []", " x"))
		case w.anchors > 0 && w.odd(6):
			out.WriteString("\n" + indent + "-" + one(w, " *a", " {<<: *a}", " {<<: *a, timeout: 7s}", " {<<: [*a, *a]}", " {'<<': *a}"))
		default:
			anchor := ""
			if w.anchors == 0 && w.odd(2) {
				w.anchors++
				anchor = " &a"
			}
			out.WriteString("\n" + indent + "-" + anchor + "\n" + indent + "  " + strings.TrimLeft(w.mapping(indent+"  ", listener()), " \n"))
		}
	}
	return out.String()
}

func listener() []field {
	return []field{
		{"endpoint_id", text, 0},
		{"addr", addr, 0},
		{"timeout", duration, 0},
		{"protocol", protocol, 3},
		{"access_log", boolean, 4},
		{"tls", tls, 3},
		{"http_client", text, 60},
	}
}

func connect(w *writer, indent string) string {
	return mapOf(
		field{"url", url, 2},
		field{"token", text, 3},
		field{"timeout", duration, 3},
		field{"tls", tls, 3},
		field{"tenant_id", text, 60},
	)(w, indent)
}

func tls(w *writer, indent string) string {
	return mapOf(field{"cert", file, 3}, field{"key", file, 3}, field{"root_cas", file, 3}, field{"insecure_skip_verify", boolean, 2})(w, indent)
}

// mapOf is a mapping, or seldom something else.
func mapOf(fields ...field) func(*writer, string) string {
	return func(w *writer, indent string) string {
		if w.odd(25) {
			return one(w, "", " ~", " {}", " []", " x", " {<<: {}}", " {~: 1}")
		}
		return "\n" + w.mapping(indent+"  ", fields)
	}
}

func (w *writer) mapping(indent string, fields []field) string {
	var out strings.Builder
	for _, f := range fields {
		switch {
		case f.seldom > 0 && !w.odd(f.seldom), f.seldom == 0 && w.odd(40):
			continue
		case w.odd(80): // twice
			out.WriteString(indent + f.key + ":" + f.value(w, indent) + "\n")
		case w.odd(80): // merged
			out.WriteString(indent + "<<: {" + f.key + ": x}\n")
		}
		key := f.key
		if w.odd(40) {
			key = one(w, `"`+key+`"`, "? "+key+"\n"+indent, "!!str "+key, strings.ToUpper(key), key+"_", "${N:"+key+"}", strings.ReplaceAll(key, "_", "-"))
		}
		out.WriteString(indent + key + ":" + f.value(w, indent) + one(w, "", "", "", " # c", " # ${HASH}") + "\n")
	}
	if out.Len() == 0 {
		return indent + "{}\n"
	}
	return out.String()
}

// scalar writes one of the good values, or seldom an odd one, seldom in an
// odd way.
func scalar(good, odd []string) func(*writer, string) string {
	return func(w *writer, indent string) string {
		value := one(w, good...)
		if w.odd(5) {
			value = one(w, odd...)
		}
		if !w.odd(5) {
			return " " + value
		}
		return one(
			w, " '"+value+"'", ` "`+value+`"`, " |\n"+indent+"  "+value, " >-\n"+indent+"  "+value, " !!str "+value, " !foo "+value,
			" !!int "+value, " !!bool "+value, " !!float "+value, " !!null "+value, " !!binary "+value, " &b "+value, " ["+value+"]",
			" {x: "+value+"}", " ${N:"+value+"}", " $PV", " ${PV}"+value, " $ML", " ${COLON}", " ${EMPTYV}", " \n"+indent+"  "+value, "\t"+value, " ~", "",
		)
	}
}

func text(w *writer, indent string) string {
	return scalar([]string{"e", "svc", "a/b", "http://h"}, []string{
		"", "123", "true", "1.0", "2026-01-01", "~", "0x1F", ".nan", `"\0"`, "aGk=", "a b", "${X", "a$$b", "é", "=", "-", "0o7", "1e400", "99999999999999999999",
	})(w, indent)
}

func addr(w *writer, indent string) string {
	return scalar([]string{"8080", "h:80", "https://h", "http://h:80/p"}, []string{
		"", "0", "-0", "+80", "0080", "-1", "65534", "65535", "65536", "0o17", "0x1F90", "8_080", "8080.0", "1e3", "host", "host:", ":8080", "::1", "[::1]:80",
		"::1:80", "http://", "http:///p", "unix:///s", "https://h%zz", "https://h:abc", "https://h:99999", "u@h:80", "h:80/p", "//h:80", "http:/h:80", "ftp://h",
		`"https://h\n"`, `" h:80 "`, `"h:80\0"`, "http://u:p@h", "http://[::1", "h:80:90", "?h:80", "http://h/ p", "${X:-h:80}", "127.0.0.1:8001", "a:b", "1:2",
	})(w, indent)
}

func protocol(w *writer, indent string) string {
	return scalar([]string{"http", "tcp"}, []string{"HTTP", `""`, "udp", "~", "http ", "1"})(w, indent)
}

func duration(w *writer, indent string) string {
	return scalar([]string{"10s", "1h30m", "500ms"}, []string{
		"0s", "0", "10", "-5s", "+5s", ".5s", "5.s", ".s", "1d", "10 s", "10S", "1e3s", "10µs", "10μs", "1us", "0.0000000001s", "-0s", "+0", "00s", "1h-1m",
		"9223372036854775807ns", "9223372036854775808ns", "-9223372036854775808ns", "2562047h47m16.854775807s", "2562048h", "1:30", "1_0s", "0x1s", "1s1s", "~", "99999999999999999999h",
	})(w, indent)
}

func boolean(w *writer, indent string) string {
	return scalar([]string{"true", "false", "yes", "on"}, []string{
		"True", "TRUE", "tRue", "y", "Y", "n", "N", "No", "off", "OFF", "1", "0", "0.0", "~", "t", `"yes"`, "'on'", `"true"`, `""`, "yEs",
	})(w, indent)
}

func file(w *writer, indent string) string {
	return scalar([]string{"c.pem", "k.pem", "''"}, []string{
		"c2.pem", "k2.pem", "mixed.pem", "empty.pem", "garbage.pem", "keyonly.pem", "nope.pem", "dir", "dir/x.pem", "c.pem/x", `"c.pem\0"`, "./c.pem", "1", "~", "'c.pem '",
	})(w, indent)
}

func url(w *writer, indent string) string {
	return scalar([]string{"http://h:8001", "https://h"}, []string{
		"", "x", "1", ":8001", "127.0.0.1:8001", "piko:8001", "ftp://h", "http://h:x", "https://h%zz", `"http://h\x7f"`, `"\x01"`, "~", "http://[::1", "//", "%",
	})(w, indent)
}

func level(w *writer, indent string) string {
	return scalar([]string{"info", "debug", "warn", "error"}, []string{"", "INFO", "warning", `""`, "~", "1"})(w, indent)
}

func list(w *writer, indent string) string {
	return one(w, " []", " [a]", " [1, yes, ~]", "\n"+indent+"  - a", " ~", " a", " {}", " [[a]]", " [a: b]", " [$PV]", "")
}
