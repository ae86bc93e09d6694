package schemas_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"lockstep/schemas"
)

// signingKey makes a private key in PEM.
func signingKey(t *testing.T, key any) schemas.Secret {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return schemas.NewSecret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func newSigningKey(t *testing.T) schemas.Secret {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signingKey(t, key)
}

func TestSignPlan(t *testing.T) {
	t.Parallel()
	key := newSigningKey(t)
	plan := &schemas.Plan{Version: 1, Environment: "eu", Tier: schemas.TierStaging, Batches: []schemas.Batch{}, Rollback: []schemas.Step{}, Subjects: []schemas.SubjectVerdict{}}
	bare, err := plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	id := plan.ID
	if err := plan.VerifySignature("ed25519:x"); err == nil {
		t.Error("an unsigned plan is taken for a signed one")
	}
	if err := plan.Sign(key); err != nil {
		t.Fatal(err)
	}
	signed, err := plan.Encode()
	if err != nil || plan.ID != id || !strings.HasPrefix(string(signed), string(bare)) {
		t.Errorf("the signature changes more than itself, error %v:\n%s", err, signed)
	}
	read, err := decode(t, string(signed), schemas.DecodePlan)
	if err != nil {
		t.Fatal(err)
	}
	public := read.Signature.Key
	if err := read.VerifySignature(public); err != nil {
		t.Errorf("as read from a file: %v", err)
	}
	if err := plan.Sign(newSigningKey(t)); err != nil {
		t.Fatal(err)
	}
	if err := plan.VerifySignature(public); err == nil {
		t.Error("the signature of another key is taken")
	}
	read.Environment = "us" // whoever edits a plan can make its id anew, but not this
	if err := read.VerifySignature(public); err == nil {
		t.Error("an edited plan is taken")
	}
	read.Signature.Value = "A" + read.Signature.Value[1:]
	if err := read.VerifySignature("ed25519:AAAA"); err == nil {
		t.Error("a key that is none is taken")
	}
}

func TestSignNeedsAnEd25519Key(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]schemas.Secret{
		"text": schemas.NewSecret([]byte("CANARY")), "another kind": signingKey(t, other),
		"PEM of anything": schemas.NewSecret(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("CANARY")})),
	} {
		err := (&schemas.Plan{}).Sign(key)
		if err == nil || strings.Contains(err.Error(), "CANARY") || len(schemas.Hints(err)) == 0 {
			t.Errorf("%s: error %v, want one with a hint and without the key", name, err)
		}
	}
}
