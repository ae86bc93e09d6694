package schemas

import (
	"strings"
	"testing"
)

// A log is input that somebody else wrote: no time in it may stop the reader.
func TestParseEventRefusesTimesNobodyHas(t *testing.T) {
	t.Parallel()
	const tally = `{"kind":"tally","environment":"e","node":"n","boot":"b","seq":1,"time_ms":1,"subject":"key/a",` +
		`"client":"c","how":"claimed","outcome":"ok","count":1,`
	tests := map[string]string{
		"before 1970":       tally + `"day":"1969-12-31","first_ms":-3600001,"last_ms":-1,"hours":8388608}`,
		"year 1":            tally + `"day":"0001-01-01","first_ms":-62135596800000,"last_ms":-62135596800000,"hours":1}`,
		"beyond year 9999":  `{"kind":"heartbeat","environment":"e","node":"n","boot":"b","seq":1,"time_ms":253402300800000}`,
		"hours of two days": tally + `"day":"1970-01-01","first_ms":1,"last_ms":1,"hours":16777217}`,
	}
	for name, line := range tests {
		_, err := ParseEvent(line)
		if err == nil || !strings.HasPrefix(err.Error(), "not a") {
			t.Errorf("%s: error %v, want a refusal", name, err)
		}
	}
}
