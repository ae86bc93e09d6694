package apollotest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// An appDTO is an app as the endpoints show it; the other columns are left out.
type appDTO struct {
	AppID      string `json:"appId"`
	Name       string `json:"name"`
	OwnerName  string `json:"ownerName"`
	OwnerEmail string `json:"ownerEmail"`
}

// listApps lists a page of apps: 20 of them unless size says otherwise.
func (a *Apollo) listApps(w http.ResponseWriter, r *http.Request) {
	size, err := strconv.Atoi(r.URL.Query().Get("size"))
	if err != nil || size <= 0 {
		size = 20
	}
	page, _ := strconv.Atoi(r.URL.Query().Get("page")) // 0 if there is none
	apps := a.apps.list()
	from := min(max(page, 0)*size, len(apps))
	all := []appDTO{}
	for _, app := range apps[from:min(from+size, len(apps))] {
		all = append(all, appDTO{app.ID, app.Name, app.OwnerName, app.OwnerEmail})
	}
	writeJSON(w, http.StatusOK, all)
}

func (a *Apollo) getApp(w http.ResponseWriter, r *http.Request) {
	app, ok := a.apps.get(r.PathValue("app"))
	if !ok {
		a.refuse(w, http.StatusNotFound, "com.ctrip.framework.apollo.common.exception.NotFoundException",
			"app not found for appId:"+r.PathValue("app"))
		return
	}
	writeJSON(w, http.StatusOK, appDTO{app.ID, app.Name, app.OwnerName, app.OwnerEmail})
}

// createApp makes an app of which nothing is released yet.
func (a *Apollo) createApp(w http.ResponseWriter, r *http.Request) {
	var dto appDTO
	if err := json.NewDecoder(r.Body).Decode(&dto); err != nil || !appID.MatchString(dto.AppID) {
		a.badRequest(w, "not an app")
		return
	}
	if !a.apps.add(App{ID: dto.AppID, Name: dto.Name, OwnerName: dto.OwnerName, OwnerEmail: dto.OwnerEmail}) {
		a.badRequest(w, "app already exists for appId:"+dto.AppID)
		return
	}
	writeJSON(w, http.StatusOK, dto)
}
