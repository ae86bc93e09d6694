package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"
)

// How long an [Authority] and what it issues are valid, counted from its now.
const (
	validBefore = time.Hour // for clocks that are behind
	validAfter  = 30 * 24 * time.Hour
)

// An Authority is a private certificate authority that lives in memory, for
// a demonstration or a test. Its key is never written anywhere.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	now         time.Time
}

// NewAuthority makes an authority that is valid from an hour before now until
// 30 days after.
func NewAuthority(now time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("key of the authority: %w", err)
	}
	authority := &Authority{key: key, now: now}
	template := authority.template("lockstep private authority")
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign
	content, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("certificate of the authority: %w", err)
	}
	if authority.certificate, err = x509.ParseCertificate(content); err != nil {
		return nil, fmt.Errorf("certificate of the authority: %w", err)
	}
	return authority, nil
}

// Root is the authority's own certificate in PEM, for root_cas.
func (a *Authority) Root() []byte { return encode("CERTIFICATE", a.certificate.Raw) }

// Issue makes a certificate for servers and clients, and its private key,
// both in PEM. Each host is a DNS name or an IP address.
func (a *Authority) Issue(hosts ...string) (cert, key []byte, err error) {
	if len(hosts) == 0 {
		return nil, nil, errors.New("a certificate needs at least one host")
	}
	template := a.template(hosts[0])
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("key for %s: %w", hosts[0], err)
	}
	content, err := x509.CreateCertificate(rand.Reader, template, a.certificate, private.Public(), a.key)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate for %s: %w", hosts[0], err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("key for %s: %w", hosts[0], err)
	}
	return encode("CERTIFICATE", content), encode("PRIVATE KEY", encoded), nil
}

// template has no serial number: x509 draws a random one.
func (a *Authority) template(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: a.now.Add(-validBefore),
		NotAfter:  a.now.Add(validAfter),
	}
}

func encode(kind string, content []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content})
}
