package apollo_test

import (
	"strings"
	"testing"

	"lockstep/migrate/apollo"
	"lockstep/schemas"
)

func TestParseDatabase(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"mysql://reader@db.example.com/ApolloConfigDB", "mysql://reader@[::1]:3307/ApolloConfigDB?tls=verify&ca=ca.pem",
		"mysql://reader@/ApolloConfigDB?socket=/run/mysqld/mysqld.sock", "mysql://reader@localhost:3306/ApolloConfigDB?tls=off",
	} {
		if _, err := apollo.ParseDatabase(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for text, want := range map[string]string{
		"mysql://reader:c4n4ry@db/ApolloConfigDB":   "a password in a URL",
		"mysql://reader:c4n4ry@db:x/ApolloConfigDB": "not the URL of a database",
		"c4n4ry":                              "not the URL of a database",
		"mysql://db/ApolloConfigDB":           "not the URL of a database",
		"mysql://reader@db/":                  "not the URL of a database",
		"postgres://reader@db/ApolloConfigDB": "not the URL of a database",
		"mysql://reader@/ApolloConfigDB":      "names no host",
		"mysql://reader@db/x?password=c4n4ry": "a parameter that nobody knows",
		"mysql://reader@db/x?tls=c4n4ry":      "a value of tls that nobody knows",
	} {
		_, err := apollo.ParseDatabase(text)
		if err == nil || !strings.Contains(err.Error(), want) || len(schemas.Hints(err)) == 0 {
			t.Errorf("%s: %v, want %s and a hint", text, err, want)
			continue
		}
		if strings.Contains(err.Error()+strings.Join(schemas.Hints(err), ""), "c4n4ry") {
			t.Errorf("the error quotes what may be a password: %v", err)
		}
	}
}
