//go:build itest

package apollo_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lockstep/internal/certs"
	"lockstep/internal/inputfile"
	"lockstep/migrate/apollo"
	"lockstep/migrate/apollo/apollotest"
	"lockstep/schemas"
)

// rows are of services in Asia/Shanghai, as the real ones write them into a
// database in UTC.
const rows = `USE ApolloConfigDB;
INSERT INTO App (AppId, Name, OwnerName, OwnerEmail, IsDeleted) VALUES
	('demo', 'demo', 'dana', 'dana@example.com', 0), ('other', 'other', 'lee', '', 0), ('gone', 'gone', 'x', '', 1);
INSERT INTO Instance (Id, AppId, ClusterName, DataCenter, Ip) VALUES
	(1, 'demo', 'default', '', '10.0.0.7'), (2, 'DEMO', 'default', 'dc1', '10.0.0.7'), (3, 'demo', 'default', '', '::ffff:10.0.0.8'),
	(4, 'other', 'default', '', '=1+1'), (5, 'gone', 'default', '', '10.0.0.9'), (6, 'demo', 'default', '', '10.9.9.9');
INSERT INTO InstanceConfig (InstanceId, ConfigAppId, ConfigClusterName, ConfigNamespaceName, ReleaseKey, ReleaseDeliveryTime, DataChange_CreatedTime, DataChange_LastTime) VALUES
	(1, 'demo', 'default', 'application', 'r', '2026-11-01 09:00:00', '2026-11-01 09:00:00', '2026-11-20 07:59:59'),
	(2, 'demo', 'default', 'application', 'r', NULL, '2026-11-21 08:00:00', '2026-11-21 20:00:00'),
	(3, 'demo', 'default', 'application', 'r', NULL, NULL, '2026-11-21 07:00:00'),
	(4, 'other', 'default', 'application', 'r', NULL, NULL, '2026-11-21 07:00:00'),
	(5, 'gone', 'default', 'application', 'r', NULL, NULL, '2026-11-21 07:00:00'),
	(6, 'demo', 'default', 'application', 'r', NULL, NULL, '2026-08-01 07:00:00')`

func TestReadInventory(t *testing.T) {
	t.Parallel()
	db := apollotest.StartMariaDB(t, time.Now())
	if err := db.Exec(t.Context(), rows); err != nil {
		t.Fatal(err)
	}
	served := reading{db}
	t.Run("clients", served.readsClients)
	t.Run("errors", served.explainsErrors)
	t.Run("read only", served.changesNothing)
}

// A reading is of a database with rows.
type reading struct{ db *apollotest.MariaDB }

// options read the database of a test as its reader.
func options(t *testing.T, db *apollotest.MariaDB, query string) apollo.InventoryOptions {
	t.Helper()
	at, err := apollo.ParseDatabase("mysql://" + apollotest.Reader + "@" + db.Address + "/ApolloConfigDB?" + query)
	if err != nil {
		t.Fatal(err)
	}
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return apollo.InventoryOptions{
		Database: at, Password: schemas.NewSecret([]byte(apollotest.ReaderPassword)), ReadFile: inputfile.Read,
		Zone: zone, Lookback: 90 * 24 * time.Hour, Now: noon, By: "dana",
	}
}

func (r reading) readsClients(t *testing.T) {
	client := func(app, name, owner string, days int, last string) schemas.InventoryClient {
		at, err := time.Parse(time.RFC3339, last)
		if err != nil {
			t.Fatal(err)
		}
		return schemas.InventoryClient{App: app, Client: name, Owner: owner, By: "dana", Since: "2026-11-21", Days: days, Last: at}
	}
	want := &schemas.Inventory{
		Version: 1, History: schemas.History{From: noon.AddDate(0, 0, -90), To: noon},
		Clients: []schemas.InventoryClient{
			client("demo", "10.0.0.7", "dana <dana@example.com>", 3, "2026-11-21T12:00:00Z"), // under two spellings; 07:59:59 there is the 19th here
			client("demo", "10.0.0.8", "dana <dana@example.com>", 1, "2026-11-20T23:00:00Z"),
			client("gone", "10.0.0.9", "", 1, "2026-11-20T23:00:00Z"),
			client("other", "(no address)", "lee", 1, "2026-11-20T23:00:00Z"),
		},
	}
	for _, query := range []string{"tls=off", "tls=unverified", "tls=verify&ca=" + r.db.CA} {
		got, err := apollo.ReadInventory(t.Context(), options(t, r.db, query))
		if err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	utc := options(t, r.db, "")
	utc.Zone = time.UTC
	if _, err := apollo.ReadInventory(t.Context(), utc); err == nil || !strings.Contains(err.Error(), "a time that has not come yet") {
		t.Errorf("rows of Shanghai are taken for UTC: %v", err)
	}
}

func (r reading) explainsErrors(t *testing.T) {
	authority, err := certs.NewAuthority(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(other, authority.Root(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		query, name, password, message, hint string
	}{
		{"tls=off", "ApolloConfigDB", "c4n4ry-wrong", "Access denied", "check the user"},
		{"tls=off", "mysql", apollotest.ReaderPassword, "Access denied", "grant SELECT"},
		{"tls=verify", "ApolloConfigDB", apollotest.ReaderPassword, "certificate", "ca=FILE"},
		{"tls=verify&ca=" + other, "ApolloConfigDB", apollotest.ReaderPassword, "certificate", "ca=FILE"},
		{"ca=none.pem&tls=verify", "ApolloConfigDB", apollotest.ReaderPassword, "none.pem", ""},
	} {
		o := options(t, r.db, c.query)
		var err error
		if o.Database, err = apollo.ParseDatabase("mysql://" + apollotest.Reader + "@" + r.db.Address + "/" + c.name + "?" + c.query); err != nil {
			t.Fatal(err)
		}
		o.Password = schemas.NewSecret([]byte(c.password))
		_, err = apollo.ReadInventory(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), c.message) || !strings.Contains(strings.Join(schemas.Hints(err), ""), c.hint) {
			t.Errorf("%+v: %v, hints %v", c, err, schemas.Hints(err))
			continue
		}
		if strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("the error quotes the password: %v", err)
		}
	}
}

// Not even who may write can do so by what ReadInventory sends.
func (r reading) changesNothing(t *testing.T) {
	if err := r.db.Exec(t.Context(), "SET GLOBAL general_log = 1, log_output = 'TABLE'"); err != nil {
		t.Fatal(err)
	}
	if _, err := apollo.ReadInventory(t.Context(), options(t, r.db, "tls=off")); err != nil {
		t.Fatal(err)
	}
	said, err := r.db.Said(t.Context(), apollotest.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(said, "\n")
	if !strings.Contains(text, "START TRANSACTION READ ONLY") {
		t.Errorf("the transaction is not read-only:\n%s", text)
	}
	for _, statement := range said {
		verb, _, _ := strings.Cut(strings.ToUpper(statement), " ")
		if verb != "SELECT" && verb != "START" && verb != "SET" && verb != "ROLLBACK" && verb != "" {
			t.Errorf("it says %s", statement)
		}
	}
}
