package accesskey

import (
	"errors"
	"net/url"
	"strings"
)

// CheckTarget refuses targets in which one server may see another path or app
// than the next: it is stricter than Apollo, and for listeners that enforce.
// The error says what is wrong and does not quote the target.
func CheckTarget(target string) error {
	raw, query, _ := strings.Cut(target, "?")
	path, err := decodePath(raw)
	if err != nil {
		return err
	}
	_, count := appParameter(query)
	switch {
	case strings.HasPrefix(raw, "//"):
		return errors.New("the path begins with two slashes")
	case strings.Contains(path, ";"):
		return errors.New("the path has a parameter after a semicolon")
	case hasDotSegment(path):
		return errors.New("the path has a dot segment")
	case count > 1:
		return errors.New("the query has more than one appId")
	}
	return nil
}

// hasDotSegment looks at a decoded path, so %2e counts as a dot.
func hasDotSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// servletPath is the path that a filter sees in Tomcat: without parameters,
// decoded, and with slashes and dot segments resolved, in this order.
func servletPath(raw string) (string, error) {
	path, err := decodePath(dropParameters(raw))
	if err != nil {
		return "", err
	}
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path, nil
	}
	return resolve(path)
}

// dropParameters removes what stands between a semicolon and the next slash.
func dropParameters(raw string) string {
	if !strings.Contains(raw, ";") {
		return raw
	}
	segments := strings.Split(raw, "/")
	for i, segment := range segments {
		segments[i], _, _ = strings.Cut(segment, ";")
	}
	return strings.Join(segments, "/")
}

// decodePath decodes once, and refuses what Tomcat refuses by default.
func decodePath(raw string) (string, error) {
	if !strings.HasPrefix(raw, "/") {
		return "", errors.New("the target does not begin with a slash")
	}
	path, err := url.PathUnescape(raw)
	switch {
	case err != nil: // not wrapped: it quotes the target
		return "", errors.New("the path has a broken percent escape")
	case strings.Count(path, "/") != strings.Count(raw, "/"):
		return "", errors.New("the path has an encoded slash")
	case strings.Contains(path, `\`):
		return "", errors.New("the path has a backslash")
	case strings.Contains(path, "\x00"):
		return "", errors.New("the path has a null byte")
	}
	return path, nil
}

// resolve takes out empty and dot segments. Unlike path.Clean it keeps a
// slash at the end, and refuses to climb above the root.
func resolve(path string) (string, error) {
	var kept []string
	var last string
	for last = range strings.SplitSeq(path[1:], "/") {
		switch last {
		case "", ".":
		case "..":
			if len(kept) == 0 {
				return "", errors.New("the path climbs above the root")
			}
			kept = kept[:len(kept)-1]
		default:
			kept = append(kept, last)
		}
	}
	resolved := "/" + strings.Join(kept, "/")
	if len(kept) > 0 && last != kept[len(kept)-1] {
		resolved += "/"
	}
	return resolved, nil
}
