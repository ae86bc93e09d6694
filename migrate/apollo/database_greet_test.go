package apollo

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"lockstep/internal/inputfile"
	"lockstep/schemas"
)

// silent is the address of a server that accepts connections and waits to be
// spoken to first, as one of HTTP does.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

// What is no database is not waited for as long as a query may take.
func TestGreet(t *testing.T) {
	t.Parallel()
	d, err := ParseDatabase("mysql://reader@" + silent(t) + "/ApolloConfigDB")
	if err != nil {
		t.Fatal(err)
	}
	db, err := d.open(schemas.Secret{}, inputfile.Read)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = greet(t.Context(), db, 20*time.Millisecond)
	if err == nil || !strings.HasPrefix(err.Error(), "no greeting within 20ms: ") || len(schemas.Hints(err)) != 1 {
		t.Errorf("error %v, hints %q", err, schemas.Hints(err))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := greet(ctx, db, time.Minute); err == nil || len(schemas.Hints(err)) != 0 {
		t.Errorf("interrupted: error %v, hints %q", err, schemas.Hints(err))
	}
}

// A database that cannot be reached is named as such, with what to look at.
func TestReadInventoryUnreached(t *testing.T) {
	t.Parallel()
	d, err := ParseDatabase("mysql://reader@127.0.0.1:1/ApolloConfigDB")
	if err != nil {
		t.Fatal(err)
	}
	_, err = ReadInventory(t.Context(), InventoryOptions{Database: d, ReadFile: inputfile.Read, Zone: time.UTC, Now: time.Unix(0, 0)})
	if err == nil || !strings.HasPrefix(err.Error(), "database: dial tcp") || !strings.HasPrefix(strings.Join(schemas.Hints(err), ""), "check host and port") {
		t.Errorf("error %v, hints %q", err, schemas.Hints(err))
	}
}

// Authorities that cannot be read are those of the URL, whatever a policy calls
// such a file.
func TestReadInventoryWithoutAuthority(t *testing.T) {
	t.Parallel()
	d, err := ParseDatabase("mysql://reader@127.0.0.1:1/ApolloConfigDB?tls=verify&ca=" + t.TempDir() + "/none.pem")
	if err != nil {
		t.Fatal(err)
	}
	_, err = ReadInventory(t.Context(), InventoryOptions{Database: d, ReadFile: inputfile.Read, Zone: time.UTC, Now: time.Unix(0, 0)})
	if err == nil || !strings.HasPrefix(err.Error(), "authorities of the database: ") || !strings.Contains(strings.Join(schemas.Hints(err), ""), "ca=FILE") {
		t.Errorf("error %v, hints %q", err, schemas.Hints(err))
	}
}
