package schemas

import (
	"cmp"
	"fmt"
	"strings"
)

// An ApolloTarget is the Apollo that checks the keys of an environment itself.
// Its keys are changed through one of Admin and Portal.
type ApolloTarget struct {
	Admin    string    `yaml:"admin"`    // URL of its AdminService
	Portal   string    `yaml:"portal"`   // URL of a Portal with the OpenAPI of 3.0
	Env      string    `yaml:"env"`      // Apollo's name of the environment, for a Portal; the one here if empty
	Token    SecretRef `yaml:"token"`    // that either asks for; relative to the policy; none if empty
	Operator string    `yaml:"operator"` // who changes keys, as Apollo is told; see [ApolloTarget.Who]
	Version  string    `yaml:"version"`  // of Apollo; asked for if empty
	Nodes    []string  `yaml:"nodes"`    // URLs of all nodes of the config service
}

// Who is the operator that Apollo is told; lockstep if none is set.
func (t *ApolloTarget) Who() string { return cmp.Or(t.Operator, "lockstep") }

// check reports what the schema cannot say.
func (t *ApolloTarget) check(at string, fault func(pointer, message, remedy string)) {
	if t == nil {
		return
	}
	switch {
	case t.Admin == "" && t.Portal == "":
		fault(at, "keys are changed through one of admin and portal", "add `admin:`, the URL of the AdminService, or from Apollo 3.0 on `portal:`")
	case t.Admin != "" && t.Portal != "":
		fault(at, "keys are changed through one of admin and portal", "name the one that the token is for, and leave the other out")
	}
	if t.Token != "" && t.Token.Check() != nil {
		fault(at+"/token", errNotARef.Error(), "write file:PATH or env:NAME, never the token itself")
	}
	seen := map[string]bool{}
	for i, node := range t.Nodes {
		if node = strings.TrimRight(node, "/"); seen[node] {
			fault(fmt.Sprintf("%s/nodes/%d", at, i), "this node is there before", "name every node once")
		}
		seen[node] = true
	}
}
