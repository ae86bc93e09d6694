package apollotest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Node is one config service.
type Node struct {
	*Server

	Name          string
	LogPath       string // of the service's log; empty if there is none
	AccessLogPath string // of Tomcat's access log; empty if there is none

	apollo  *Apollo
	pid     int
	log     *logFile // nil if there is none
	access  *logFile // nil if there is none
	audit   audit
	mu      sync.Mutex
	cache   keyCache
	threads int
}

func (n *Node) openLogs(dir string) (err error) {
	opts := n.apollo.opts
	if opts.LogDir == "" {
		return nil
	}
	if n.log, err = newLogFile(dir, "apollo-configservice.log", opts.Zone); err != nil {
		return err
	}
	n.LogPath = n.log.path
	if opts.AccessLog {
		if n.access, err = newLogFile(dir, "access.log", opts.Zone); err == nil {
			n.AccessLogPath = n.access.path
		}
	}
	return err
}

func (n *Node) closeLogs() (err error) {
	for _, log := range []*logFile{n.log, n.access} {
		if log != nil {
			err = errors.Join(err, log.close())
		}
	}
	return err
}

// Freeze keeps the node from seeing changes of keys, or lets it see them again.
func (n *Node) Freeze(frozen bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.catchUp(n.apollo.opts.Now()) // as it has scanned until now
	n.cache.frozen = frozen
}

// catchUp does the scans that were due, whose log lines come late but with
// their own time.
func (n *Node) catchUp(now time.Time) {
	for _, r := range n.cache.catchUp(now) {
		n.write(r.found(n.apollo.opts.Zone))
	}
}

// Live logs what the embedded Eureka does each minute: a sign of life of a
// node where nobody fails.
func (n *Node) Live() {
	n.write(line{
		at: n.apollo.opts.Now(), level: "INFO", thread: "Eureka-EvictionTimer", logger: eurekaLogger,
		message: "Running the evict task with compensationTime 0ms",
	})
}

// secrets are those that the node asks for an app at this moment.
func (n *Node) secrets(app string, now time.Time) ([]string, Mode) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.catchUp(now)
	return n.cache.secrets(app, !n.apollo.version.below(2, 4, 0))
}

// thread names the thread of a request as Tomcat does.
func (n *Node) thread() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.threads++
	return fmt.Sprintf("http-nio-8080-exec-%d", n.threads%200+1)
}

func (n *Node) write(l line) {
	if n.log == nil {
		return
	}
	opts := n.apollo.opts
	l.at = l.at.In(opts.Zone)
	n.log.write(l.at, l.render(opts.Layout, !n.apollo.version.below(3, 0, 0), n.pid))
}

// answer is Tomcat: it refuses broken targets, and writes the access log.
func (n *Node) answer(w http.ResponseWriter, r *http.Request) {
	call := &call{ResponseWriter: w, r: r, at: n.apollo.opts.Now().In(n.apollo.opts.Zone), thread: n.thread(), status: http.StatusOK}
	path, ok := servletPath(r.RequestURI)
	if ok {
		call.path = path
		n.route(call)
	} else {
		call.WriteHeader(http.StatusBadRequest)
	}
	if n.access != nil {
		n.access.write(call.at, call.accessLine())
	}
}

// route sends a request through the filter, to the controller that serves it.
func (n *Node) route(c *call) {
	if n.guarded(c.path) && !n.admit(c) {
		return
	}
	switch parts := strings.Split(c.path[1:], "/"); {
	case strings.Contains(rawPath(c.r), "//"): // which Spring does not fold, other than the filter
		c.fail(http.StatusNotFound)
	case c.r.Method != http.MethodGet && c.r.Method != http.MethodHead:
		n.apollo.refuse(c, http.StatusBadRequest, "org.springframework.web.HttpRequestMethodNotSupportedException",
			"Request method '"+c.r.Method+"' not supported")
	case c.path == "/health":
		health(c, c.r)
	case c.path == "/apollo/version":
		n.apollo.showVersion(c, c.r)
	case c.path == "/services/config":
		n.services(c)
	case c.path == "/notifications/v2":
		n.poll(c)
	case len(parts) == 4 && parts[0] == "configs":
		n.config(c, parts[1], parts[2], parts[3])
	case len(parts) >= 4 && parts[0] == "configfiles":
		n.configFile(c, parts[1:])
	default:
		c.fail(http.StatusNotFound)
	}
}

// services tells clients where the nodes are, as with database-discovery.
func (n *Node) services(c *call) {
	type service struct {
		AppName     string `json:"appName"`
		InstanceID  string `json:"instanceId"`
		HomepageURL string `json:"homepageUrl"`
	}
	var all []service
	for _, node := range n.apollo.Nodes {
		all = append(all, service{"apollo-configservice", node.URL + "/", node.URL + "/"})
	}
	c.json(http.StatusOK, all)
}
