package apollotest

import (
	"encoding/json"
	"net/http"
	"time"
)

// tolerance is apollo.access-key.auth-time-diff-tolerance.
const tolerance = time.Minute

// config serves /configs/APP/CLUSTER/NAMESPACE, and notes who has asked.
func (n *Node) config(c *call, app, cluster, namespace string) {
	release, ok, _ := n.apollo.apps.find(app, namespace)
	if !ok {
		c.fail(http.StatusNotFound)
		return
	}
	query := c.r.URL.Query()
	ip := query.Get("ip")
	if ip == "" {
		if ip, ok = c.clientIP(); !ok {
			n.apollo.refuse(c, http.StatusInternalServerError, "java.lang.IndexOutOfBoundsException", "Index: 0")
			return
		}
	}
	n.audit.load(Instance{
		App: app, Cluster: cluster, DataCenter: query.Get("dataCenter"), IP: ip,
		ConfigApp: app, Namespace: namespaceName(namespace), ReleaseKey: release.key,
	}, c.at)
	if query.Get("releaseKey") == release.key {
		c.WriteHeader(http.StatusNotModified)
		return
	}
	c.json(http.StatusOK, map[string]any{
		"appId": app, "cluster": cluster, "namespaceName": namespace,
		"configurations": release.values, "releaseKey": release.key,
	})
}

// configFile serves /configfiles[/json|/raw]/APP/CLUSTER/NAMESPACE, from a
// cache that leaves no trace of who asks.
func (n *Node) configFile(c *call, parts []string) {
	form := parts[0]
	if form == "json" || form == "raw" {
		parts = parts[1:]
	}
	if len(parts) != 3 {
		c.fail(http.StatusNotFound)
		return
	}
	release, ok, _ := n.apollo.apps.find(parts[0], parts[2])
	switch {
	case !ok:
		c.fail(http.StatusNotFound)
	case form == "json":
		c.json(http.StatusOK, release.values)
	default:
		c.Header().Set("Content-Type", "text/plain;charset=UTF-8")
		_, _ = c.Write([]byte(release.properties())) // who has gone reads nothing
	}
}

// A notification says that a namespace has changed.
type notification struct {
	NamespaceName  string `json:"namespaceName"`
	NotificationID int64  `json:"notificationId"`
	Messages       any    `json:"messages,omitempty"`
}

// poll serves /notifications/v2: at once if a namespace is newer than the
// caller knows, else when it is, and 304 if that takes too long.
func (n *Node) poll(c *call) {
	query := c.r.URL.Query()
	var known []notification
	if err := json.Unmarshal([]byte(query.Get("notifications")), &known); err != nil || len(known) == 0 {
		c.fail(http.StatusBadRequest)
		return
	}
	limit := time.NewTimer(n.apollo.opts.LongPoll)
	defer limit.Stop()
	for {
		news, changed := n.news(query.Get("appId"), query.Get("cluster"), known)
		if len(news) > 0 {
			c.json(http.StatusOK, news)
			return
		}
		select {
		case <-changed:
		case <-limit.C:
			c.WriteHeader(http.StatusNotModified)
			return
		case <-c.r.Context().Done():
			return
		}
	}
}

// news lists what is newer than the caller knows, and what is closed when
// there may be more.
func (n *Node) news(app, cluster string, known []notification) (news []notification, changed <-chan struct{}) {
	for _, k := range known {
		release, ok, next := n.apollo.apps.find(app, k.NamespaceName)
		if changed == nil { // the earliest, so that nothing is slept over
			changed = next
		}
		if ok && release.id > k.NotificationID {
			details := map[string]int64{app + "+" + cluster + "+" + namespaceName(k.NamespaceName): release.id}
			news = append(news, notification{k.NamespaceName, release.id, map[string]any{"details": details}})
		}
	}
	return news, changed
}
