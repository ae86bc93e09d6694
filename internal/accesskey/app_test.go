package accesskey_test

import (
	"strings"
	"testing"

	"lockstep/internal/accesskey"
)

func TestAppFromTarget(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/configs/demo/default/application?ip=10.0.0.1": "demo",
		"/configs/demo/":                            "demo",
		"/configs/_-9.A/default/x":                  "_-9.A",
		"/configs/%64emo/default/application":       "demo",
		"/configfiles/demo/default/application":     "demo",
		"/configfiles/json/demo/default/x":          "demo",
		"/configfiles/raw/demo/default/x":           "demo",
		"/configfiles/jsonx/default/x":              "jsonx",
		"/%63onfigs/demo/default/x":                 "demo",
		"/notifications?appId=demo":                 "demo",
		"/notifications/?appId=demo":                "demo",
		"/notifications/v2?cluster=c&appId=demo":    "demo",
		"/notifications/v2/?appId=demo":             "demo",
		"/notifications/v3?appId=demo":              "demo",
		"/notifications/v2?%61ppId=%64emo":          "demo",
		"/notifications/v2?appId=a&appId=b":         "a",
		"/notifications/v2?&appid=x&appId=a":        "a",
		"/notifications/v2?appId=%zz&appId=b":       "b",
		"/notifications/v2?x=%zz&appId=b":           "b",
		"/configs/a?/b/c?/configs/d/e":              "invalid",
		"/configs/demo;v=1/default/x":               "demo",
		"/configs;x=/y/demo;/default/x;z":           "y",
		"/a;/configs/demo/x":                        "unguarded",
		"//configs//demo//x":                        "demo",
		"/health/../configs/demo/x":                 "demo",
		"/configs/a/../demo/x":                      "demo",
		"/configs/./demo/.":                         "demo",
		"/configs/demo/x/..":                        "demo",
		"/configs/demo/..":                          "invalid",
		"/configs":                                  "invalid",
		"/configs/":                                 "invalid",
		"/configs/demo":                             "invalid",
		"/configfiles":                              "invalid",
		"/configfiles/json/demo":                    "invalid",
		"/configfiles/json":                         "invalid",
		"/configs/.demo/x":                          "invalid",
		"/configs/de%20mo/x":                        "invalid",
		"/configs/d%C3%A9mo/x":                      "invalid",
		"/configs/demo%3Bx/y":                       "invalid",
		"/configs/demo%252Fx/y":                     "invalid",
		"/notifications/v2":                         "invalid",
		"/notifications/v2?appId":                   "invalid",
		"/notifications/v2?appId=":                  "invalid",
		"/notifications/v2?appId=&appId=b":          "invalid",
		"/notifications/v2?a;appId=b":               "invalid",
		"/notifications/v2?appId=a+b":               "invalid",
		"/notifications/v2?appId=a/b":               "invalid",
		"/configs/demo%2Fx/y":                       "invalid",
		"/configs/demo%5cx/y":                       "invalid",
		`/configs\demo\x`:                           "invalid",
		"/configs/demo/%00":                         "invalid",
		"/configs/demo/%zz":                         "invalid",
		"/health/../../configs/demo/x":              "invalid",
		"http://apollo/configs/demo/x":              "invalid",
		"*":                                         "invalid",
		"":                                          "invalid",
		"/":                                         "unguarded",
		"/health":                                   "unguarded",
		"/health?appId=demo":                        "unguarded",
		"/services/config?appId=demo&ip=10.0.0.1":   "unguarded",
		"/notificationsx?appId=demo":                "unguarded",
		"/configsx/demo/y":                          "unguarded",
		"/Configs/demo/y":                           "unguarded",
		"/configs/demo/../../health":                "unguarded",
		"/apollo/configs/demo/default/application?": "unguarded",
	} {
		if got := appOf(target); got != want {
			t.Errorf("%s: got %s, want %s", target, got, want)
		}
	}
}

// appOf writes what AppFromTarget says as one word.
func appOf(target string) string {
	app, guarded, err := accesskey.AppFromTarget(target)
	switch {
	case err != nil && guarded && app == "":
		return "invalid"
	case err == nil && guarded && app != "":
		return app
	case err == nil && !guarded && app == "":
		return "unguarded"
	default:
		return "a contradiction"
	}
}

func TestFoldApp(t *testing.T) {
	t.Parallel()
	if a, b := accesskey.FoldApp("SampleApp-1.X"), accesskey.FoldApp("sampleapp-1.x"); a != b {
		t.Errorf("%s and %s are one app to Apollo", a, b)
	}
	if accesskey.FoldApp("a-b") == accesskey.FoldApp("a_b") {
		t.Error("a-b and a_b are two apps")
	}
}

func TestCheckTarget(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/configs/demo/default/application?ip=10.0.0.1": "",
		"/configs/demo/a%20b/x.y..z?x=/../%2F;%5c":      "",
		"/configs/demo/.../..x/y.":                      "",
		"/configs/demo//x":                              "",
		"/services/config?appId=demo&ip=":               "",
		"/configs/demo/./x":                             "dot segment",
		"/configs/demo/..":                              "dot segment",
		"/configs/demo/%2e%2E/x":                        "dot segment",
		"/configs/demo/.%2e":                            "dot segment",
		"/configs/demo/%2Fx":                            "encoded slash",
		"/configs/demo/%2fx":                            "encoded slash",
		"/configs/demo/%5Cx":                            "backslash",
		`/configs/demo\x`:                               "backslash",
		"/configs/demo;x=1/y":                           "semicolon",
		"/configs/demo%3bx/y":                           "semicolon",
		"/configs/demo/%00":                             "null byte",
		"/configs/demo/\x00":                            "null byte",
		"/configs/demo/%":                               "percent escape",
		"/configs/demo/%zz":                             "percent escape",
		"//configs/demo/x":                              "two slashes",
		"http://host/configs/demo/x":                    "begin with a slash",
		"":                                              "begin with a slash",
		"/notifications/v2?appId=a&appId=a":             "more than one appId",
		"/notifications/v2?appId=a&x&%61ppId=b":         "more than one appId",
		"/notifications/v2?appId=%zz&appId=b":           "more than one appId",
	} {
		err := accesskey.CheckTarget(target)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", target, err, want)
		}
	}
}

// TestTargetErrorsAreStatic makes sure that no part of a target, which may
// carry a secret in its query, gets into an error.
func TestTargetErrorsAreStatic(t *testing.T) {
	t.Parallel()
	const canary = "canary"
	for _, target := range []string{
		canary, "/%zz" + canary, "/configs/" + canary, "/configs/.." + canary + "/../../..", "/" + canary + "%2F",
		"/a;" + canary + "\\", "/notifications?appId=" + canary + "!&appId=" + canary, "//" + canary + "/..",
	} {
		_, _, err := accesskey.AppFromTarget(target)
		for _, err := range []error{err, accesskey.CheckTarget(target)} {
			if err != nil && strings.Contains(err.Error(), canary) {
				t.Errorf("%s: %v", target, err)
			}
		}
	}
}
