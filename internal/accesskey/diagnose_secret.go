package accesskey

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"slices"

	"lockstep/schemas"
)

// A slip is a secret as somebody may have got it wrong, ready to be tried.
type slip struct {
	cause Cause
	key   *Key
}

// secretSlips are the ways in which a client that has been given a secret
// comes to sign with another one, the usual first.
func secretSlips(secret schemas.Secret) []slip {
	s := secret.Reveal()
	wrap := func(before, after string) []byte { return slices.Concat([]byte(before), s, []byte(after)) }
	m := slipMaker{seen: [][]byte{s}}
	for _, quote := range []string{`"`, `'`, "`"} {
		m.add(CauseQuotedSecret, wrap(quote, quote))
	}
	m.add(CauseQuotedSecret, bytes.Trim(s, `"'`))
	for _, end := range []string{"\n", "\r\n", " ", "\r", "\t", `\n`} {
		m.add(CauseSpaceSecret, wrap("", end))
	}
	m.add(CauseSpaceSecret, wrap(" ", ""))
	m.add(CauseSpaceSecret, wrap("\ufeff", "")) // the mark of a text file of Windows
	m.add(CauseSpaceSecret, bytes.TrimSpace(s))
	m.add(CauseSecretForm, bytes.ToUpper(s))
	m.add(CauseSecretForm, bytes.ToLower(s))
	m.add(CauseSecretForm, withDashes(s))
	m.add(CauseSecretForm, bytes.ReplaceAll(s, []byte("-"), nil))
	m.add(CauseSecretForm, []byte(base64.StdEncoding.EncodeToString(s)))
	m.add(CauseSecretForm, decoded(base64.StdEncoding.DecodeString, s))
	m.add(CauseSecretForm, decoded(hex.DecodeString, s))
	return m.slips
}

// commonSlips are the secrets of clients that have been given none. The app
// id comes where it is known, see [Diagnoser].
func commonSlips() []slip {
	m := slipMaker{}
	m.make(CauseEmptySecret, nil)
	for _, word := range []string{
		"null", "undefined", "None", "nil", "secret", "changeme", "${APOLLO_ACCESSKEY_SECRET}", "${apollo.access-key.secret}",
		"${apollo.accesskey.secret}", "[secret]", "<no value>",
	} {
		m.add(CausePlaceholder, []byte(word))
	}
	return m.slips
}

// A slipMaker makes slips that all differ, from each other and the secret.
type slipMaker struct {
	seen  [][]byte
	slips []slip
}

func (m *slipMaker) add(cause Cause, secret []byte) {
	same := func(other []byte) bool { return bytes.Equal(other, secret) }
	if len(secret) > 0 && !slices.ContainsFunc(m.seen, same) {
		m.make(cause, secret)
	}
}

func (m *slipMaker) make(cause Cause, secret []byte) {
	m.seen = append(m.seen, secret)
	m.slips = append(m.slips, slip{cause, NewKey("", schemas.NewSecret(secret))})
}

// withDashes writes 32 digits as a UUID, of which the Portal drops the dashes.
func withDashes(s []byte) []byte {
	if len(s) != 32 {
		return nil
	}
	return bytes.Join([][]byte{s[:8], s[8:12], s[12:16], s[16:20], s[20:]}, []byte("-"))
}

// decoded is nothing where s is not in that encoding.
func decoded(decode func(string) ([]byte, error), s []byte) []byte {
	plain, err := decode(string(s))
	if err != nil {
		return nil
	}
	return plain
}
