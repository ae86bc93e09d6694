package accesskey

import "strings"

// CheckStrict reports whether the headers of a request are what a client of
// Apollo sends: the scheme word Apollo, the app that is asked for and 13
// digits of time. Apollo itself looks at none of these, see [Verify]. As
// everywhere, the case of the app does not count.
func CheckStrict(req Request, app string) bool {
	if len(req.Authorization) == 0 || len(req.Timestamp) == 0 {
		return false
	}
	rest, apollo := strings.CutPrefix(req.Authorization[0], "Apollo ")
	named, _, signed := strings.Cut(rest, ":")
	return apollo && signed && validApp(named) && strings.EqualFold(named, app) && thirteenDigits(req.Timestamp[0])
}

// thirteenDigits holds for all milliseconds from 2001 to 2286.
func thirteenDigits(timestamp string) bool {
	return len(timestamp) == 13 && strings.Trim(timestamp, "0123456789") == ""
}
