package main

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"

	"github.com/rogpeppe/go-internal/testscript"
)

// makeSigner writes a private key for plans, and adds its public half to a
// policy: `signer KEY POLICY`.
func makeSigner(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: signer KEY POLICY")
	}
	public, private, err := ed25519.GenerateKey(nil)
	ts.Check(err)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	policy := ts.ReadFile(args[1]) + fmt.Sprintf("rollout: {signed_by: %q}\n", "ed25519:"+base64.StdEncoding.EncodeToString(public))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(policy), 0o600))
}
