package schemas

// An AdminPolicy says who may control `lockstep run` over TCP: whoever has the
// token, or a certificate of the authorities in ClientCA, or both where both
// are set. Through a Unix socket it counts for nothing. Paths and references
// are relative to the directory of the policy.
type AdminPolicy struct {
	Token    SecretRef `yaml:"token"`
	Cert     string    `yaml:"cert"`
	Key      string    `yaml:"key"`
	ClientCA string    `yaml:"client_ca"`
}

// check reports what the schema cannot say.
func (a AdminPolicy) check(fault func(pointer, message, remedy string)) {
	const at = "/runtime/admin"
	if a.Token != "" && a.Token.Check() != nil {
		fault(at+"/token", errNotARef.Error(), "write file:PATH or env:NAME, never the token itself")
	}
	if (a.Cert == "") != (a.Key == "") {
		fault(at, "cert and key belong together", "set both, or neither")
	}
	if a.ClientCA != "" && a.Cert == "" {
		fault(at+"/client_ca", "client certificates are only asked for over TLS", "set cert and key, too")
	}
}
