package peer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// This file has the setting `tls`.

// TLS says how a connection is secured: the setting `tls` of every kind that has one. Files
// are relative to the folder of the flow.
type TLS struct {
	CA         string        `yaml:"ca" doc:"A file with the certificates (PEM) that vouch for the peer, in place of those that the system trusts."`
	Cert       string        `yaml:"cert" doc:"A file with the own certificate (PEM) and those between it and its root."`
	Key        config.Secret `yaml:"key" doc:"The private key of the own certificate: a file (PEM), or a secret that has it."`
	ServerName string        `yaml:"server_name" doc:"The name that the peer's certificate must have, if it is not that of the address."`
	ClientCA   string        `yaml:"client_ca" doc:"Of a listener: a file with the certificates (PEM) that vouch for clients. A client without a certificate is refused then."`
	Insecure   bool          `yaml:"insecure" doc:"Do not check the peer's certificate: whoever is in between can read and change everything."`
}

// Client makes the configuration of a client that talks to a host. A nil TLS is that of
// the system.
func (t *TLS) Client(env *nodes.Env, host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if t == nil {
		return c, nil
	}
	if t.ServerName != "" {
		c.ServerName = t.ServerName
	}
	c.InsecureSkipVerify = t.Insecure
	var err error
	if t.CA != "" {
		if c.RootCAs, err = pool(env, t.CA); err != nil {
			return nil, err
		}
	}
	if t.Cert != "" || t.Key.Reveal() != "" {
		own, err := t.own(env)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{own}
	}
	return c, nil
}

// Server makes the configuration of a listener, which must have a certificate.
func (t *TLS) Server(env *nodes.Env) (*tls.Config, error) {
	own, err := t.own(env)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{own}}
	if t.ClientCA != "" {
		if c.ClientCAs, err = pool(env, t.ClientCA); err != nil {
			return nil, err
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

// own reads the own certificate and its key.
func (t *TLS) own(env *nodes.Env) (tls.Certificate, error) {
	if t.Cert == "" || t.Key.Reveal() == "" {
		return tls.Certificate{}, errors.New("tls needs both cert and key")
	}
	cert, err := read(env, t.Cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	key := []byte(t.Key.Reveal())
	if !strings.Contains(t.Key.Reveal(), "-----BEGIN") {
		if key, err = read(env, t.Key.Reveal()); err != nil {
			return tls.Certificate{}, errors.New("the key of tls cannot be read: it is neither a file nor PEM") // the text may be a secret
		}
	}
	own, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("the certificate of tls: %s: %w", t.Cert, err)
	}
	return own, nil
}

// pool reads certificates that vouch for others.
func pool(env *nodes.Env, path string) (*x509.CertPool, error) {
	text, err := read(env, path)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s has no certificate (PEM)", path)
	}
	return p, nil
}

// maxPEM bounds a file of certificates, in bytes.
const maxPEM = 4 << 20

func read(env *nodes.Env, path string) ([]byte, error) {
	f, err := env.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxPEM))
}
