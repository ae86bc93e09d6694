package schemas_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

func probeReport() *schemas.ProbeReport {
	digest := schemas.Digest(nil)
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return &schemas.ProbeReport{Version: 1, Time: at, Upstreams: []schemas.Probe{
		{
			Address: "b:443", ServerName: "b", Roots: digest, ClientCert: digest, Resolved: "10.0.0.1:443",
			Outcome: schemas.ProbeFail, Reason: schemas.ReasonTLSUnknownAuthority,
			Chain:     []schemas.ProbeCertificate{{Subject: "CN=b", SHA256: digest[7:], NotBefore: at, NotAfter: at.Add(time.Hour)}},
			Authority: schemas.ProbeAuthority{Subject: "CN=root"},
		},
		{
			Address: "a:443", ServerName: "a", Roots: schemas.SystemRoots, Outcome: schemas.ProbeNone,
			Reason: schemas.ReasonProbeNotAllowed, Chain: []schemas.ProbeCertificate{},
		},
	}}
}

// A report reads back as it was, but for the order of its upstreams.
func TestProbeReportReadsBack(t *testing.T) {
	t.Parallel()
	want := probeReport()
	text, err := want.Text()
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeProbes(text)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(want.Upstreams)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	empty, err := (&schemas.ProbeReport{Version: 1, Time: want.Time}).Text()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeProbes(empty); err != nil || len(got.Upstreams) != 0 {
		t.Errorf("an empty report: %v, %v", got, err)
	}
}

func decodeProbes(text []byte) (*schemas.ProbeReport, error) {
	doc, err := schemas.ParseDocument("probe.json", text)
	if err != nil {
		return nil, err
	}
	return schemas.DecodeProbeReport(doc)
}

// What is wrong with a report is said with its place.
func TestBrokenProbeReport(t *testing.T) {
	t.Parallel()
	text, err := probeReport().Text()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"another version":       {`"version": 1`, `"version": 2`, "probe.json:2:14: "},
		"unknown reason":        {`"tls_unknown_authority"`, `"tired"`, "probe.json:26:17: "},
		"unknown key":           {`"outcome"`, `"result"`, "probe.json:11:7: "},
		"no time":               {`"2026-11-21T12:00:00Z"`, `"noon"`, "probe.json:3:11: "},
		"a control":             {`"CN=b"`, `"CN=\u001b[2J"`, "probe.json:29:22: "},
		"a failure that passes": {`"outcome": "fail"`, `"outcome": "pass"`, "probe.json:26:17: outcome and reason"},
		"a failure that is not": {`"tls_unknown_authority"`, `""`, "probe.json:26:17: outcome and reason"},
		"not dialled and slow":  {`"not_allowed"`, `"tls_timeout"`, "probe.json:12:17: outcome and reason"},
		"cut off":               {"\n  ]\n}", "", "probe.json:"},
		"twice": {
			`"upstreams": [`, `"upstreams": [` + string(must(json.Marshal(probeReport().Upstreams[0]))) + ",",
			"probe.json:19:5: this upstream was there before",
		},
	} {
		_, err := decodeProbes([]byte(strings.Replace(string(text), c.old, c.new, 1)))
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "tired") {
			t.Errorf("%s: error %v, want one at %s", name, err, c.want)
		}
	}
}

func must(text []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return text
}

// The schema knows every reason, and no other.
func TestProbeReasons(t *testing.T) {
	t.Parallel()
	text, err := schemas.Text(schemas.KindLintProbe)
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Properties struct {
			Upstreams struct {
				Items struct {
					Properties struct {
						Reason struct {
							Enum []schemas.Reason `json:"enum"`
						} `json:"reason"`
					} `json:"properties"`
				} `json:"items"`
			} `json:"upstreams"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	want := slices.Concat([]schemas.Reason{schemas.ReasonNone}, schemas.TLSReasons(),
		[]schemas.Reason{schemas.ReasonProbeNotAllowed, schemas.ReasonProbeLinkLocal})
	if diff := cmp.Diff(want, schema.Properties.Upstreams.Items.Properties.Reason.Enum); diff != "" {
		t.Errorf("reasons of the schema (-want +got):\n%s", diff)
	}
}
