package apollo

import (
	"fmt"
	"net/url"

	"lockstep/schemas"
)

// An admin is an AdminService: Apollo's AccessKeyController, the same in 2.4.0,
// 2.5.2 and the master of 3.0.
type admin struct{ base string }

func (a admin) path(app string) string {
	return a.base + "/apps/" + url.PathEscape(app) + "/accesskeys"
}

func (a admin) keys(app string) request {
	return request{method: "GET", url: a.path(app), name: "list the keys of app " + app}
}

// create makes a key that is off, and an observer for when it is on: enabled at
// once, it would enforce in an Apollo that has no modes.
func (a admin) create(app string, secret schemas.Secret, operator string) (request, error) {
	return request{
		method: "POST", url: a.path(app), name: "create a key of app " + app,
		body: newAccessKey{Secret: string(secret.Reveal()), Mode: modeObserver, By: operator},
	}, nil
}

// A newAccessKey is what is known of an AccessKeyDTO that is to be made.
type newAccessKey struct {
	Secret  string `json:"secret"`
	Mode    int    `json:"mode"`
	Enabled bool   `json:"enabled"`
	By      string `json:"dataChangeCreatedBy"`
}

// set names the mode always: left out, Apollo takes it for FILTER.
func (a admin) set(app, id string, mode schemas.Mode, operator string) request {
	return setting(a.path(app)+"/"+url.PathEscape(id), "enable", "disable", app, id, mode, operator)
}

// setting is a change of a mode, whose words and nothing else differ between
// AdminService and OpenAPI.
func setting(path, enable, disable, app, id string, mode schemas.Mode, operator string) request {
	verb, query := disable, url.Values{}
	if operator != "" {
		query.Set("operator", operator)
	}
	switch mode {
	case schemas.ModeObserve:
		verb = enable
		query.Set("mode", fmt.Sprint(modeObserver))
	case schemas.ModeEnforce:
		verb = enable
		query.Set("mode", fmt.Sprint(modeFilter))
	case schemas.ModeDisabled:
	}
	return request{
		method: "PUT", url: path + "/" + verb + "?" + query.Encode(),
		name: fmt.Sprintf("set key %s of app %s to %s", id, app, mode),
	}
}

// pageSize is how many apps are asked for at once.
const pageSize = 500

func (a admin) apps(page int) request {
	return request{method: "GET", url: fmt.Sprintf("%s/apps?page=%d&size=%d&sort=id", a.base, page, pageSize), name: "list the apps"}
}

// version asks Apollo's ApolloInfoController, which wants no token.
func (a admin) version() (request, bool) {
	return request{method: "GET", url: a.base + "/apollo/version", name: "ask for the version"}, true
}
