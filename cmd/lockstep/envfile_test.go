package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lockstep/schemas"
)

func TestParseEnv(t *testing.T) {
	t.Parallel()
	const text = "\ufeff# comment\n\nA=1\r\nexport B = two words \nC='single # \"'\nD=\"double '\"\nE=\nF=a=b#c\n\texport  G=$A\nA=2\nexport=x"
	got, err := parseEnv("e.env", text)
	want := map[string]string{
		"A": "2", "B": "two words", "C": `single # "`, "D": "double '", "E": "", "F": "a=b#c", "G": "$A", "export": "x",
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, variables differ (-want +got):\n%s", err, diff)
	}
}

// TestParseEnvFaults wants the place of each fault and no word of the line.
func TestParseEnvFaults(t *testing.T) {
	t.Parallel()
	_, err := parseEnv("e.env", "A=1\n  c4n4ry\n1c4n4ry=x\nB='c4n4ry\nC= \"c4n4ry\" x\nD='c4'n4ry'\n = c4n4ry\né c4n4ry=1\n")
	want := `e.env:2:3: there is no = in this line
e.env:3:1: this is no name of a variable
e.env:4:3: the quotes around this value do not match
e.env:5:4: the quotes around this value do not match
e.env:6:3: the quotes around this value do not match
e.env:7:2: this is no name of a variable
e.env:8:1: this is no name of a variable`
	if err == nil || err.Error() != want {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	if hints := strings.Join(schemas.Hints(err), "\n"); strings.Count(hints, "\n") != 2 || strings.Contains(hints, "c4n4ry") {
		t.Errorf("hints\n%s", hints)
	}
}
