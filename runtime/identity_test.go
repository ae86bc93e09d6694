package runtime

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"lockstep/schemas"
)

func TestIdentify(t *testing.T) {
	t.Parallel()
	const (
		proxy  = "10.0.0.1:4444"
		client = "192.0.2.7:5555"
	)
	tests := map[string]struct {
		identity []string
		target   string
		peer     string
		header   http.Header
		want     string
	}{
		"default is Apollo's ip":  {nil, "/a?x=1&ip=10.1.2.3&ip=4", client, nil, "10.1.2.3 claimed"},
		"decoded":                 {nil, "/a?i%70=a%20b", client, nil, `a b claimed`},
		"broken escape":           {nil, "/a?ip=%zz", client, nil, "192.0.2.7 verified"},
		"empty":                   {nil, "/a?ip=", client, nil, "192.0.2.7 verified"},
		"only the query":          {nil, "/ip=1", client, nil, "192.0.2.7 verified"},
		"header first":            {[]string{"header:x-workload", "peer"}, "/", client, http.Header{"X-Workload": {" w1 "}}, "w1 claimed"},
		"header missing":          {[]string{"header:x-workload", "peer"}, "/", client, nil, "192.0.2.7 verified"},
		"nothing yields":          {[]string{"header:x-workload"}, "/", client, nil, "192.0.2.7 verified"},
		"no address at all":       {[]string{"header:x-workload"}, "/", "pipe", nil, "unknown verified"},
		"xff of a trusted proxy":  {[]string{"xff"}, "/", proxy, http.Header{"X-Forwarded-For": {"1.1.1.1, 2.2.2.2"}}, "2.2.2.2 verified"},
		"xff through two proxies": {[]string{"xff"}, "/", proxy, http.Header{"X-Forwarded-For": {"1.1.1.1, 2.2.2.2, 10.0.0.9"}}, "2.2.2.2 verified"},
		"xff in two headers":      {[]string{"xff"}, "/", proxy, http.Header{"X-Forwarded-For": {"1.1.1.1", "2.2.2.2,10.9.9.9"}}, "2.2.2.2 verified"},
		"xff with a port":         {[]string{"xff"}, "/", proxy, http.Header{"X-Forwarded-For": {"[2001:db8::1]:99"}}, "2001:db8::1 verified"},
		"xff of a stranger":       {[]string{"xff"}, "/", client, http.Header{"X-Forwarded-For": {"2.2.2.2"}}, "192.0.2.7 verified"},
		"xff that is no address":  {[]string{"xff"}, "/", proxy, http.Header{"X-Forwarded-For": {"2.2.2.2, unknown"}}, "10.0.0.1 verified"},
		"xff of proxies alone":    {[]string{"xff"}, "/", proxy, http.Header{"X-Forwarded-For": {"10.1.1.1, 10.2.2.2"}}, "10.0.0.1 verified"},
		"mapped IPv4":             {[]string{"peer"}, "/", "[::ffff:192.0.2.7]:80", nil, "192.0.2.7 verified"},
		"zone":                    {[]string{"peer"}, "/", "[fe80::1%eth0]:80", nil, "fe80::1 verified"},
		"our own names are ours":  {nil, "/a?ip=(overflow)", client, nil, `\x28overflow) claimed`},
		"control characters":      {nil, "/a?ip=a%0a%1b[31mb%00", client, nil, `a\n\x1b[31mb\x00 claimed`},
		"direction of text":       {nil, "/a?ip=a%E2%80%AEb", client, nil, `a\u202eb claimed`},
		"not UTF-8":               {nil, "/a?ip=%ff%fe", client, nil, `\xff\xfe claimed`},
	}
	for name, test := range tests {
		policy := schemas.ListenerPolicy{Identity: test.identity}
		sources, err := policy.IdentitySources()
		if err != nil {
			t.Fatal(err)
		}
		a := &auth{identity: sources, proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		r := &http.Request{RequestURI: test.target, RemoteAddr: test.peer, Header: test.header}
		got := a.identify(r)
		if text := got.name + " " + string(got.how); text != test.want {
			t.Errorf("%s: %q, want %q", name, text, test.want)
		}
	}
}

func FuzzCleanName(f *testing.F) {
	for _, seed := range []string{"10.0.0.1", "", "\x00", "(x", "\u202e", strings.Repeat("ä", 100), strings.Repeat("\xff", 200), `"\`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean := cleanName(name)
		if len(clean) > maxClient || !utf8.ValidString(clean) || strings.HasPrefix(clean, "(") {
			t.Errorf("%q becomes %q", name, clean)
		}
		for _, r := range clean {
			if !unicode.IsGraphic(r) {
				t.Errorf("%q becomes %q, which holds %U", name, clean, r)
			}
		}
		if name != "" && clean == "" {
			t.Errorf("%q becomes nothing", name)
		}
	})
}
