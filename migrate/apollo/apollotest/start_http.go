package apollotest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"
)

// Options say what is started. Only Now is needed.
type Options struct {
	Now         func() time.Time // the clock of all nodes
	Version     string           // of Apollo; 2.5.2 if empty
	Nodes       int              // config services that share one table of keys; 1 if 0
	Environment string           // as the Portal names it; PRO if empty
	Zone        *time.Location   // of the times in logs; Asia/Shanghai if nil, as in Apollo's image
	LongPoll    time.Duration    // how long /notifications/v2 waits, in real time; 60 s if 0
	LogDir      string           // each node writes into a directory of its name below; empty for no logs
	Layout      Layout           // of the service's log; LayoutFile if empty
	AccessLog   bool             // write Tomcat's access log too, which is off by default
	AdminToken  string           // that the admin service asks for; empty for none, the default
	PortalToken string           // that the Portal asks for; portal-token if empty
}

// An Apollo is one environment: its nodes, its admin service and the Portal.
type Apollo struct {
	Nodes  []*Node
	Admin  *Server
	Portal *Server // serves the OpenAPI from 3.0.0 on

	opts      Options
	version   version
	keys      *keyTable
	apps      *apps
	instances *instances
}

// Start starts an environment that ends with the test.
func Start(tb testing.TB, opts Options) *Apollo {
	tb.Helper()
	a, err := start(tb.Context(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := a.close(); err != nil {
			tb.Error(err)
		}
	})
	return a
}

func start(ctx context.Context, opts Options) (*Apollo, error) {
	if err := opts.setDefaults(); err != nil {
		return nil, err
	}
	a := &Apollo{opts: opts, keys: newKeyTable(opts.Now), apps: newApps(opts.Now), instances: &instances{rows: map[instanceID]Instance{}}}
	var err error
	if a.version, err = parseVersion(opts.Version); err != nil {
		return nil, err
	}
	for i := range opts.Nodes {
		node, err := a.newNode(ctx, i)
		if err != nil {
			return nil, err
		}
		a.Nodes = append(a.Nodes, node)
	}
	if a.Admin, err = newServer(ctx, a.adminHandler()); err != nil {
		return nil, err
	}
	a.Portal, err = newServer(ctx, a.portalHandler())
	return a, err
}

func (o *Options) setDefaults() error {
	o.Version, o.Environment = cmp.Or(o.Version, "2.5.2"), cmp.Or(o.Environment, "PRO")
	o.Nodes, o.LongPoll = cmp.Or(o.Nodes, 1), cmp.Or(o.LongPoll, time.Minute)
	o.Layout, o.PortalToken = cmp.Or(o.Layout, LayoutFile), cmp.Or(o.PortalToken, "portal-token")
	if o.Zone != nil {
		return nil
	}
	var err error
	if o.Zone, err = time.LoadLocation("Asia/Shanghai"); err != nil {
		return fmt.Errorf("zone of the logs: %w", err)
	}
	return nil
}

// newNode starts a config service, called node1 and so on.
func (a *Apollo) newNode(ctx context.Context, i int) (*Node, error) {
	n := &Node{
		Name: fmt.Sprintf("node%d", i+1), apollo: a, pid: 1234 + i,
		cache: keyCache{table: a.keys, started: a.opts.Now(), blind: a.version.below(2, 5, 0)},
		audit: audit{table: a.instances, seen: map[instanceID]audited{}},
	}
	if err := n.openLogs(filepath.Join(a.opts.LogDir, n.Name)); err != nil {
		return nil, err
	}
	var err error
	n.Server, err = newServer(ctx, http.HandlerFunc(n.answer))
	return n, err
}

// AddApp makes an app whose namespace application is released with k=v1.
func (a *Apollo) AddApp(app App) {
	a.apps.add(app)
	a.Publish(app.ID, "application", map[string]string{"k": "v1"})
}

// Publish releases a namespace of an app, which wakes who polls for it.
func (a *Apollo) Publish(app, namespace string, values map[string]string) {
	a.apps.publish(app, namespace, values)
}

// AddKey writes a key into the table, past all endpoints.
func (a *Apollo) AddKey(app, secret string, mode Mode, enabled bool) int64 {
	return a.keys.insert(Key{App: app, Secret: secret, Mode: mode, Enabled: enabled, CreatedBy: "apollo", ModifiedBy: "apollo"}).ID
}

// EditKey changes a key in the table, as somebody does by hand. It reports
// false if the app has no such key.
func (a *Apollo) EditKey(app string, id int64, edit func(*Key)) bool {
	return a.keys.update(app, id, edit)
}

// Keys lists the keys of an app, by id.
func (a *Apollo) Keys(app string) []Key { return a.keys.of(app) }

// Instances lists what the tables Instance and InstanceConfig hold.
func (a *Apollo) Instances() []Instance { return a.instances.list() }
