package lint_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"lockstep/lint"
)

// TestMask: a config is shown line by line, without its secrets.
func TestMask(t *testing.T) {
	t.Parallel()
	checker, err := lint.NewChecker()
	if err != nil {
		t.Fatal(err)
	}
	for before, after := range map[string]string{
		"a: 1 # x\n":                         "a: ••• # x\n",
		"connect:\n  token: §\n  url: :80\n": "connect:\n  token: •••\n  url: :80\n",
		"connect: {token: '§', proxy_url: \"http://u:§@h\"} # x":  "connect: {token: •••, proxy_url: •••} # x",
		"connect:\n  token: |\n    §\n\n    §\n  url: :80\n":      "connect:\n  token: •••\n•••\n•••\n•••\n  url: :80\n",
		"connect:\n  token: \"§\n    §\"\n":                       "connect:\n  token: •••\n•••\n",
		"connect:\n  token: §\n    §\n  url: :80\n":               "connect:\n  token: •••\n•••\n  url: :80\n",
		"connect:\n  token: \"\\x41§\" # §\n":                     "connect:\n  token: •••\n",
		"connect:\n  token: {a: §,\n    b: §}\n":                  "connect:\n  token: {•••: •••,\n    •••: •••}\n",
		"x: &t §\nconnect:\n  token: *t\n":                        "x: &t •••\nconnect:\n  token: *t\n",
		"listeners:\n- addr: http://h/§\n  timeout: 5s\n  x: y\n": "listeners:\n- addr: http://h•••\n  timeout: 5s\n  x: •••\n",
		"a: [§": "",
		utf16Text("connect: {token: §}", binary.BigEndian): "",
	} {
		got := string(checker.Mask([]byte(strings.ReplaceAll(before, "§", canary))))
		if strings.TrimRight(got, "\n•") != strings.TrimRight(after, "\n•") || strings.Contains(got, canary) {
			t.Errorf("%q\n got %q\nwant %q", before, got, after)
		}
	}
}
