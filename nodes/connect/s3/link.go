package s3

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file says how a server is reached, and as whom.

// A Link is the part of the settings that says how to reach a server.
type Link struct {
	Endpoint  string        `yaml:"endpoint" doc:"The server, such as https://minio.example:9000; by default AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL of the environment, else Amazon's."`
	Region    string        `yaml:"region" doc:"The region of the bucket; by default AWS_REGION or AWS_DEFAULT_REGION of the environment, or that of the profile. Amazon is asked if nobody says."`
	AccessKey string        `yaml:"access_key" doc:"Who asks. By default AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the environment, or the keys of the profile AWS_PROFILE in ~/.aws/credentials; if there are none, or with access_key: anonymous, requests are not signed."`
	SecretKey config.Secret `yaml:"secret_key" doc:"The secret that belongs to access_key: write ${env:NAME} or ${file:/path}."`
	Token     config.Secret `yaml:"session_token" doc:"Of keys that are good for a time only: their token."`
	TLS       *peer.TLS     `yaml:"tls" doc:"How the connection is secured, if the endpoint is an https address."`
	PathStyle *bool         `yaml:"path_style" doc:"Whether the bucket stands in the path of requests, or in the name of the host; by default in the path, but for Amazon."`
}

// anonymous is the access key of nobody.
const anonymous = "anonymous"

// amazon is the endpoint of those who name none.
const amazon = "https://s3.amazonaws.com"

// An identity is who asks, and where.
type identity struct {
	endpoint string
	region   string
	access   string // "": nobody
	secret   string
	token    string
	from     string // where the keys are from, for messages
}

// identity finds what the settings leave to the environment.
func (l *Link) identity() (identity, error) {
	id := identity{endpoint: l.Endpoint, region: l.Region}
	p := profile{}
	switch {
	case l.AccessKey == anonymous:
		id.from = "access_key: anonymous"
	case l.AccessKey != "":
		id.access, id.secret, id.token, id.from = l.AccessKey, l.SecretKey.Reveal(), l.Token.Reveal(), "access_key"
		if id.secret == "" {
			return id, errors.New("access_key needs a secret_key beside it")
		}
	case l.SecretKey.Reveal() != "":
		return id, errors.New("secret_key needs an access_key beside it")
	default:
		var err error
		if p, err = readProfile(); err != nil {
			return id, err
		}
		id.access, id.secret, id.token, id.from = os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN"), "AWS_ACCESS_KEY_ID"
		if id.access == "" || id.secret == "" {
			id.access, id.secret, id.token, id.from = p["aws_access_key_id"], p["aws_secret_access_key"], p["aws_session_token"], "the profile of ~/.aws"
		}
		if id.access == "" || id.secret == "" {
			id.access, id.secret, id.token, id.from = "", "", "", "nowhere, so requests are not signed"
		}
	}
	id.endpoint = cmp.Or(id.endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), p["endpoint_url"], amazon)
	id.region = cmp.Or(id.region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), p["region"])
	return id, nil
}

// A profile is what the files of ~/.aws say, for the names that matter here. Programs that
// they name to get keys from are not started.
type profile map[string]string

// maxProfile bounds a file of profiles, in bytes.
const maxProfile = 1 << 20

func readProfile() (profile, error) {
	home, _ := os.UserHomeDir()
	name := cmp.Or(os.Getenv("AWS_PROFILE"), "default")
	all := profile{}
	for _, f := range []struct{ path, section string }{
		{cmp.Or(os.Getenv("AWS_CONFIG_FILE"), filepath.Join(home, ".aws", "config")), "profile " + name},
		{cmp.Or(os.Getenv("AWS_SHARED_CREDENTIALS_FILE"), filepath.Join(home, ".aws", "credentials")), name},
	} {
		file, err := os.Open(f.path)
		if err != nil {
			continue // there need not be one
		}
		info, err := file.Stat()
		if err == nil && info.Mode().IsRegular() && info.Size() <= maxProfile {
			all.read(bufio.NewScanner(file), name, f.section)
		}
		file.Close()
	}
	if os.Getenv("AWS_PROFILE") != "" && len(all) == 0 {
		return nil, fmt.Errorf("there is no profile %q (AWS_PROFILE) in ~/.aws/credentials or ~/.aws/config", name)
	}
	return all, nil
}

// read takes what stands in one of two sections.
func (p profile) read(lines *bufio.Scanner, names ...string) {
	in := false
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
		case line[0] == '[':
			section := strings.Join(strings.Fields(strings.Trim(line, "[] \t")), " ")
			in = section == names[0] || section == names[1]
		case in:
			if key, value, ok := strings.Cut(line, "="); ok {
				p[strings.ToLower(strings.TrimSpace(key))] = strings.TrimSpace(value)
			}
		}
	}
}

// idleTime is how long a server may say nothing while it is listened to.
const idleTime = 2 * time.Minute

// open makes the client. It connects to nobody yet.
func (l *Link) open(env *nodes.Env) (nodes.Store, error) { return l.store(env) }

func (l *Link) store(env *nodes.Env) (*store, error) {
	if env.Flow.Enclosed() {
		return nil, fmt.Errorf("it reads and writes no objects: %w", nodes.ErrEnclosed)
	}
	id, err := l.identity()
	if err != nil {
		return nil, err
	}
	where, err := endpointOf(id.endpoint)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, network, at string) (net.Conn, error) {
			c, err := env.Dial(ctx, network, at)
			if err != nil {
				return nil, err
			}
			return patientConn{c}, nil
		},
		MaxIdleConnsPerHost: maxUploads, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: 15 * time.Second,
		DisableCompression: true, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10,
	}
	s := &store{env: env, id: id, host: where.Host, plain: where.Scheme == "http", transport: transport, uploads: make(chan struct{}, maxUploads), spares: make(chan []byte, maxUploads)}
	if where.Scheme == "https" {
		if transport.TLSClientConfig, err = l.TLS.Client(env, where.Hostname()); err != nil {
			return nil, err
		}
		if l.PathStyle == nil || !*l.PathStyle {
			if l.TLS == nil || l.TLS.ServerName == "" {
				transport.TLSClientConfig.ServerName = "" // the bucket may stand before the host
			}
		}
	}
	options := &minio.Options{
		Secure: where.Scheme == "https", Region: id.region, MaxRetries: 1, // who tries again, and says so, is do
		Transport: clockReader{transport, s}, Creds: credentials.NewStatic(id.access, id.secret, id.token, credentials.SignatureV4),
	}
	if id.access == "" {
		options.Creds = credentials.NewStatic("", "", "", credentials.SignatureAnonymous)
	}
	if !strings.HasSuffix(where.Hostname(), "amazonaws.com") {
		options.Region = cmp.Or(id.region, "us-east-1")
	}
	if l.PathStyle != nil {
		options.BucketLookup = minio.BucketLookupDNS
		if *l.PathStyle {
			options.BucketLookup = minio.BucketLookupPath
		}
	}
	s.core, err = minio.NewCore(where.Host, options)
	return s, err
}

// endpointOf reads an endpoint.
func endpointOf(text string) (*url.URL, error) {
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the endpoint is no address of a server; write https://HOST, or http://HOST:PORT")
	case u.User != nil:
		return nil, errors.New("the endpoint must not have keys in it; write access_key and secret_key")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "":
		return nil, errors.New("the endpoint is a server alone; the bucket stands in the url, as s3://bucket/key")
	}
	return u, nil
}

// A patientConn does not wait for ever for a server that says nothing.
type patientConn struct{ net.Conn }

func (c patientConn) Read(p []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(idleTime)) // Read says what is wrong with the connection
	return c.Conn.Read(p)
}

func (c patientConn) Write(p []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(idleTime))
	return c.Conn.Write(p)
}

// A clockReader notes what the clock of the server says.
type clockReader struct {
	http.RoundTripper
	s *store
}

// RoundTrip implements http.RoundTripper.
func (c clockReader) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.RoundTripper.RoundTrip(r)
	if err == nil {
		if at, err := http.ParseTime(res.Header.Get("Date")); err == nil {
			skew := time.Until(at.Add(time.Second / 2)) // the header has no fractions
			if skew.Abs() < 2*time.Second {
				skew = 0
			}
			c.s.skew.Store(int64(skew))
		}
	}
	return res, err
}
