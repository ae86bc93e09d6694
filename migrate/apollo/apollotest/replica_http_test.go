package apollotest_test

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lockstep/migrate/apollo/apollotest"
)

// A replica is the stand-in that has been told the same as the real Apollo.
type replica struct {
	*apollotest.Apollo

	guarded *apollotest.Apollo // an admin service with access control, and without keys
	ids     map[string]string  // of keys, by the real ones: in MariaDB, a refused insert takes one too
}

// address is where the stand-in of a recorded server listens.
func (r *replica) address(server string) string {
	url := map[string]string{
		"admin": r.Admin.URL, "admin-with-token": r.guarded.Admin.URL,
		"config-1": r.Nodes[0].URL, "config-2": r.Nodes[1].URL,
	}[server]
	return strings.TrimPrefix(url, "http://")
}

var keyInTarget = regexp.MustCompile(`/accesskeys/(\d+)`)

// target is one with the stand-in's id of a key.
func (r *replica) target(recorded string) string {
	return keyInTarget.ReplaceAllStringFunc(recorded, func(found string) string {
		if id, ok := r.ids[found[len("/accesskeys/"):]]; ok {
			return "/accesskeys/" + id
		}
		return found
	})
}

// learn notes what the stand-in calls a key that was created.
func (r *replica) learn(recorded, standIn string) {
	var theirs, ours struct {
		ID     json.Number
		Secret *string
	}
	if json.Unmarshal([]byte(recorded), &theirs) == nil && json.Unmarshal([]byte(standIn), &ours) == nil && theirs.Secret != nil {
		r.ids[theirs.ID.String()] = ours.ID.String()
	}
}

// log is what a node has logged; empty for the admin service.
func (r *replica) log(t *testing.T, server string) string {
	t.Helper()
	ordinal, isNode := strings.CutPrefix(server, "config-")
	if !isNode {
		return ""
	}
	lines, err := os.ReadFile(r.Nodes[ordinal[0]-'1'].LogPath)
	if err != nil {
		t.Fatal(err)
	}
	return string(lines)
}

var checkMessage = regexp.MustCompile(`Invalid (?:timestamp|authorization)(?: in pre-check)?`)

// logged lists the filter's messages of some lines.
func logged(lines string) string { return strings.Join(checkMessage.FindAllString(lines, -1), "\n") }

var (
	digits   = regexp.MustCompile(`[0-9a-f]`)
	fraction = regexp.MustCompile(`\.[0-9]+$`)
)

// shape is a body without what differs each time: of times and releases only
// the layout, the stand-in's ids of keys. Where the database or Java words an
// error, its text does not count.
func (r *replica) shape(t *testing.T, body string, recorded bool) any {
	t.Helper()
	if !strings.HasPrefix(body, "{") && !strings.HasPrefix(body, "[") {
		return body
	}
	var value any
	if err := json.Unmarshal([]byte(body), &value); err != nil {
		t.Fatal(err)
	}
	r.normalize(value, recorded)
	return value
}

// otherColumns of an app are nothing that anybody needs.
var otherColumns = []string{"id", "orgId", "orgName", "dataChangeCreatedBy", "dataChangeCreatedTime", "dataChangeLastModifiedTime"}

func (r *replica) normalize(value any, recorded bool) {
	switch value := value.(type) {
	case []any:
		for _, each := range value {
			r.normalize(each, recorded)
		}
	case map[string]any:
		if _, isApp := value["ownerEmail"]; isApp {
			for _, name := range otherColumns {
				delete(value, name)
			}
		}
		if status, ok := value["status"].(float64); ok && status >= 500 {
			delete(value, "message")
		}
		for name, each := range value {
			value[name] = r.normalizeField(name, each, recorded)
		}
	}
}

func (r *replica) normalizeField(name string, value any, recorded bool) any {
	switch text := fmt.Sprint(value); {
	case name == "id" && recorded:
		return r.ids[text]
	case name == "id":
		return text
	case slices.Contains([]string{"timestamp", "releaseKey", "dataChangeCreatedTime", "dataChangeLastModifiedTime"}, name):
		return digits.ReplaceAllString(fraction.ReplaceAllString(text, ""), "0")
	}
	r.normalize(value, recorded)
	return value
}
