package migrate

import "testing"

func TestNodeOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		nodes      []string
		file, want string
	}{
		{nil, "apollo-configservice.log", "apollo"},
		{nil, "-", "apollo"},
		{nil, "cs-1/apollo-configservice.log.2026-11-20.0.gz", "cs-1"},
		{nil, "/opt/logs/100003171/apollo-configservice.log", "100003171"},
		{[]string{"cs-1"}, "/opt/logs/apollo-configservice.log", "cs-1"},
		{[]string{"cs-1", "cs-2"}, "/cs-1/logs/apollo-configservice.log", "cs-1"},
		{[]string{"cs-1", "cs-2"}, "cs-2.log", "cs-2"},
		{[]string{"cs-1", "cs-10"}, "logs/cs-10.log", "cs-10"},
		{[]string{"cs-1", "cs-2"}, "cs-3/apollo-configservice.log", "cs-3"},
	} {
		if got := NodeOf(test.file, test.nodes, "apollo"); got != test.want {
			t.Errorf("%s of %v is of node %s, want %s", test.file, test.nodes, got, test.want)
		}
	}
}
