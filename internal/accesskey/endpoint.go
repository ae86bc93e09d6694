package accesskey

import "strings"

// ListsInstances reports whether a target is /services/config as Tomcat reads
// it, from which a client learns where the config services are. No key guards
// it.
func ListsInstances(target string) bool {
	raw, _, _ := strings.Cut(target, "?")
	path, err := servletPath(raw)
	return err == nil && strings.TrimSuffix(path, "/") == "/services/config"
}

// IsLongPoll reports whether a target is one of /notifications, which Apollo
// answers when there is news, or after 60 s. Unlike [AppFromTarget] it takes
// the path as it stands: no client escapes it.
func IsLongPoll(target string) bool {
	rest, ok := strings.CutPrefix(target, "/notifications")
	return ok && (rest == "" || rest[0] == '/' || rest[0] == '?')
}
