package apollo

import (
	"errors"
	"net/url"

	"lockstep/schemas"
)

// A portal is the OpenAPI of a Portal, which has access keys from 3.0 on
// (spec apollo-openapi v0.3.10).
type portal struct{ base, env string }

func (p portal) path(app string) string {
	return p.base + "/openapi/v1/apps/" + url.PathEscape(app) + "/envs/" + url.PathEscape(p.env) + "/accesskeys"
}

func (p portal) keys(app string) request {
	return request{method: "GET", url: p.path(app), name: "list the keys of app " + app}
}

// create refuses: a Portal takes no secret, it makes one.
func (portal) create(string, schemas.Secret, string) (request, error) {
	return request{}, schemas.Hint(errors.New("a Portal makes the secrets of new keys itself"),
		"create the key there, keep its secret where the reference leads, and make a new plan; or name the AdminService in the policy")
}

func (p portal) set(app, id string, mode schemas.Mode, operator string) request {
	return setting(p.path(app)+"/"+url.PathEscape(id), "activation", "deactivation", app, id, mode, operator)
}

// apps lists all on the first page, as the OpenAPI knows no others.
func (p portal) apps(page int) request {
	if page > 0 {
		return request{}
	}
	return request{method: "GET", url: p.base + "/openapi/v1/apps", name: "list the apps"}
}

// version cannot be asked: what is below 3.0 has no such OpenAPI.
func (portal) version() (request, bool) { return request{}, false }
