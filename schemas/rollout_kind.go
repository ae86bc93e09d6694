package schemas

import (
	"errors"
	"fmt"
)

// checkKind says what does not fit the kind of subject that an entry is of,
// and in which field: a key has a secret, and an upstream has neither that nor
// clients of which a share could be enforced.
func (s RolloutSubject) checkKind(of Subject) (field string, err error) {
	switch {
	case of.Endpoint != "" && s.Secret != "":
		return "secret", Hint(errors.New("the TLS of an upstream has no secret"), "take it out")
	case of.Endpoint != "" && s.Share != 0:
		return "share", Hint(errors.New("the TLS of an upstream has no share, as no client has a say in it"),
			"take it out; `until` and `then` enforce for a while")
	case of.Endpoint != "":
		return "", nil
	case s.Secret == "":
		return "secret", Hint(fmt.Errorf("secret is missing in %s", of), "add `secret:`, where the key is kept: file:PATH or env:NAME")
	}
	return "secret", s.Secret.Check()
}
