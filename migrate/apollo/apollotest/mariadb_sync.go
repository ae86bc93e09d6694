package apollotest

import (
	"context"
	"fmt"
	"time"
)

// Sync brings the tables to what an environment would have written into them:
// the wall time of its zone, whatever zone the database has, as connector-j
// writes it.
func (m *MariaDB) Sync(ctx context.Context, a *Apollo) error {
	for _, app := range a.apps.list() {
		err := m.Exec(ctx, "REPLACE INTO ApolloConfigDB.App (AppId, Name, OwnerName, OwnerEmail) VALUES (?, ?, ?, ?)",
			app.ID, app.Name, app.OwnerName, app.OwnerEmail)
		if err != nil {
			return err
		}
	}
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("mariadb: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // which does nothing after a commit
	for i, row := range a.Instances() {
		wall := func(at time.Time) string { return at.In(a.opts.Zone).Format(time.DateTime) }
		for _, insert := range []struct {
			table string
			args  []any
		}{
			{
				"Instance (Id, AppId, ClusterName, DataCenter, Ip, DataChange_CreatedTime, DataChange_LastTime) VALUES (?, ?, ?, ?, ?, ?, ?)",
				[]any{i + 1, row.App, row.Cluster, row.DataCenter, row.IP, wall(row.Created), wall(row.Created)},
			},
			{
				"InstanceConfig (Id, InstanceId, ConfigAppId, ConfigClusterName, ConfigNamespaceName, ReleaseKey, ReleaseDeliveryTime, " +
					"DataChange_CreatedTime, DataChange_LastTime) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
				[]any{i + 1, i + 1, row.ConfigApp, row.Cluster, row.Namespace, row.ReleaseKey, wall(row.Created), wall(row.Created), wall(row.LastTime)},
			},
		} {
			if _, err := tx.ExecContext(ctx, "REPLACE INTO ApolloConfigDB."+insert.table, insert.args...); err != nil {
				return fmt.Errorf("mariadb: %w", err)
			}
		}
	}
	return tx.Commit() //nolint:wrapcheck // of a test
}
