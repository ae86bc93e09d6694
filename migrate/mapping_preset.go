package migrate

import (
	"cmp"
	"errors"
	"maps"
	"slices"
	"strings"

	"lockstep/schemas"
)

// presets are mappings of the access logs of well-known proxies in front of
// Apollo, in the formats they have unless told otherwise. A mapping replaces
// what differs, such as where the client or the reason is found.
func presets() map[string]schemas.Mapping {
	return map[string]schemas.Mapping{
		"nginx":   nginxPreset(),
		"envoy":   envoyPreset(),
		"caddy":   caddyPreset(),
		"tomcat":  tomcatPreset(),
		"traefik": traefikPreset(),
	}
}

// nginxPreset is the format combined, which nginx has built in.
func nginxPreset() schemas.Mapping {
	return schemas.Mapping{
		Format:  schemas.FormatNginx,
		Pattern: `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`,
		Select:  `apollo(request_uri) != ""`,
		Time:    `time_local`, Layout: layoutCLF,
		App: `apollo(request_uri)`,
		Client: []schemas.MappingClient{
			{From: `param(request_uri, "ip")`, How: schemas.HowClaimed},
			{From: `remote_addr`, How: schemas.HowVerified},
		},
		OK: `status < 400`, Fail: `status == 401`,
		Target: `request_uri`, Timestamp: `http_timestamp`, Authorization: `http_authorization`,
	}
}

// envoyPreset is the default format string of Envoy's access log, and that of
// Istio, which adds fields in two places. Envoy's has no address but
// X-Forwarded-For, whose last element it has seen itself only where it is told
// to append; so it is claimed.
func envoyPreset() schemas.Mapping {
	return schemas.Mapping{
		Format: schemas.FormatRegex,
		Pattern: `\[(?P<start_time>[^\]]+)\] "(?P<method>\S+) (?P<path>\S+) (?P<protocol>\S+)" (?P<status>\d+) (?P<flags>\S+)` +
			`(?: \S+ \S+ "[^"]*")? (?P<received>\d+) (?P<sent>\d+) (?P<duration>\d+) (?P<upstream_time>\S+)` +
			` "(?P<xff>[^"]*)" "(?P<user_agent>[^"]*)" "(?P<request_id>[^"]*)" "(?P<authority>[^"]*)" "(?P<upstream>[^"]*)"` +
			`(?: \S+ \S+ \S+ (?P<peer>\S+) \S+ \S+)?` +
			`(?: "(?P<timestamp>[^"]*)" "(?P<authorization>[^"]*)")?`, // where the format has been told to add them
		Select: `apollo(path) != ""`,
		Time:   `start_time`, Layout: layoutRFC3339,
		App: `apollo(path)`,
		Client: []schemas.MappingClient{
			{From: `param(path, "ip")`, How: schemas.HowClaimed},
			{From: `xff == "-" ? "" : trim(last(split(xff, ",")))`, How: schemas.HowClaimed},
			{From: `part(peer, "^(.*):[0-9]+$")`, How: schemas.HowVerified},
		},
		OK: `int(status) < 400`, Fail: `status == "401"`,
		Target: `path`, Timestamp: `timestamp`, Authorization: `authorization`,
	}
}

// caddyPreset is Caddy's access log, which is JSON, and has the time at which
// a request ended.
func caddyPreset() schemas.Mapping {
	return schemas.Mapping{
		Format: schemas.FormatJSON,
		Select: `(logger ?? "") startsWith "http.log.access" && apollo(request?.uri) != ""`,
		Time:   `ts - (duration ?? 0)`, Layout: layoutUnix,
		App: `apollo(request.uri)`,
		Client: []schemas.MappingClient{
			{From: `param(request.uri, "ip")`, How: schemas.HowClaimed},
			{From: `request.client_ip ?? request.remote_ip`, How: schemas.HowVerified},
		},
		OK: `status < 400`, Fail: `status == 401`,
		Target: `request.uri`, Timestamp: `request.headers?.Timestamp`, Authorization: `request.headers?.Authorization`,
	}
}

// traefikPreset is Traefik's access log in its JSON format.
func traefikPreset() schemas.Mapping {
	return schemas.Mapping{
		Format: schemas.FormatJSON,
		Select: `RequestPath != nil && apollo(RequestPath) != ""`,
		Time:   `StartUTC`, Layout: layoutRFC3339,
		App: `apollo(RequestPath)`,
		Client: []schemas.MappingClient{
			{From: `param(RequestPath, "ip")`, How: schemas.HowClaimed},
			{From: `ClientHost`, How: schemas.HowVerified},
		},
		OK: `DownstreamStatus < 400`, Fail: `DownstreamStatus == 401`,
		Target: `RequestPath`, Timestamp: `request_Timestamp`, Authorization: `request_Authorization`,
	}
}

// tomcatPreset is the access log of Apollo's own Tomcat in a pattern that has
// all a signature is made of, and when a request began, as long polls end a
// minute later.
func tomcatPreset() schemas.Mapping {
	return schemas.Mapping{
		Format:  schemas.FormatTomcat,
		Pattern: `%{begin:msec}t %a "%{X-Forwarded-For}i" "%r" %s "%{Timestamp}i" "%{Authorization}i" "%{User-Agent}i"`,
		Select:  `apollo(request_uri) != ""`,
		Time:    `time_begin_msec`, Layout: layoutUnixMS,
		App: `apollo(request_uri)`,
		Client: []schemas.MappingClient{
			{From: `param(request_uri, "ip")`, How: schemas.HowClaimed},
			{From: `trim(first(split(http_x_forwarded_for ?? "", ",")))`, How: schemas.HowClaimed},
			{From: `remote_addr`, How: schemas.HowVerified},
		},
		OK: `status < 400`, Fail: `status == 401`,
		Target: `request_uri`, Timestamp: `http_timestamp`, Authorization: `http_authorization`,
	}
}

// withPreset fills in what def leaves out. Lists and tables are taken whole.
func withPreset(def schemas.Mapping) (schemas.Mapping, error) {
	base, ok := presets()[def.Preset]
	if !ok && def.Preset != "" {
		return def, schemas.Hint(errors.New("there is no such preset"),
			"use one of "+strings.Join(slices.Sorted(maps.Keys(presets())), ", "))
	}
	if def.Format == "" { // a pattern belongs to its format
		def.Format = base.Format
		def.Pattern = cmp.Or(def.Pattern, base.Pattern)
	}
	if def.Time == "" { // and a layout to its time
		def.Time, def.Layout = base.Time, cmp.Or(def.Layout, base.Layout)
	}
	def.Select, def.App = cmp.Or(def.Select, base.Select), cmp.Or(def.App, base.App)
	def.OK, def.Fail = cmp.Or(def.OK, base.OK), cmp.Or(def.Fail, base.Fail)
	def.Target, def.Timestamp = cmp.Or(def.Target, base.Target), cmp.Or(def.Timestamp, base.Timestamp)
	def.Authorization = cmp.Or(def.Authorization, base.Authorization)
	if len(def.Client) == 0 {
		def.Client = base.Client
	}
	return def, nil
}
