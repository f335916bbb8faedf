package http

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	nethttp "net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph/config"
)

// This file has signed requests.

// A signature says how requests are signed: by an HMAC of the body, or, with a header that
// has the time, of the time, a dot and the body.
type signature struct {
	Secret    config.Secret `yaml:"secret,required" doc:"The secret that both sides know."`
	Header    string        `yaml:"header" doc:"The header that has the signature, in hex or base64, perhaps behind sha256=; by default X-Hub-Signature-256."`
	Algorithm string        `yaml:"algorithm" enum:"sha1|sha256|sha512" doc:"The hash; by default sha256."`
	Time      string        `yaml:"time" doc:"The header that has the time at which it was signed, in seconds since 1970. Without it the time is not signed."`
	Tolerance time.Duration `yaml:"tolerance" min:"1s" doc:"How far that time may be off; by default 5m. Signatures that are taken once are remembered for twice as long."`
	Once      *bool         `yaml:"once" doc:"Whether a signature that was taken is refused when it comes again (409). By default it is where the time is signed: without it, equal bodies have equal signatures, and honest senders repeat them."`
}

const defaultTolerance = 5 * time.Minute

// A verifier checks signatures.
type verifier struct {
	key       []byte
	hash      func() hash.Hash
	header    string
	timeIn    string
	tolerance time.Duration
	onlyOnce  bool // a signature is taken once

	mu    sync.Mutex
	seen  map[string]time.Time // good signatures, and when they came
	swept time.Time
}

func (s *signature) verifier() (*verifier, error) {
	v := &verifier{key: []byte(s.Secret.Reveal()), hash: sha256.New, header: s.Header, timeIn: s.Time, tolerance: s.Tolerance, seen: map[string]time.Time{}}
	if len(v.key) == 0 {
		return nil, errors.New("the secret of hmac is empty")
	}
	switch s.Algorithm {
	case "sha1":
		v.hash = sha1.New
	case "sha512":
		v.hash = sha512.New
	}
	if v.header == "" {
		v.header = "X-Hub-Signature-256"
	}
	if v.tolerance == 0 {
		v.tolerance = defaultTolerance
	}
	// Without a time in it, a signature stays good for ever: to remember it for a while would
	// keep nobody from sending it later, and refuse heartbeats and redeliveries meanwhile.
	if v.onlyOnce = v.timeIn != ""; s.Once != nil {
		v.onlyOnce = *s.Once
	}
	return v, nil
}

var (
	errNoSignature = errors.New("the signature is missing or wrong")
	errOld         = errors.New("the signature is too old, or of the future")
	errReplayed    = errors.New("a request with this signature was taken before")
)

// verify checks the signature of a body. One that is taken once it gives, and remembers it
// until it is forgotten.
func (v *verifier) verify(h nethttp.Header, body []byte, now time.Time) (sum string, err error) {
	given := h.Get(v.header)
	if _, value, ok := strings.Cut(given, "="); ok && strings.HasPrefix(given, "sha") {
		given = value
	}
	bytes, err := hex.DecodeString(given)
	if err != nil {
		bytes, err = base64.StdEncoding.DecodeString(given)
	}
	if err != nil || given == "" {
		return "", errNoSignature
	}
	mac := hmac.New(v.hash, v.key)
	if v.timeIn != "" {
		signed := h.Get(v.timeIn)
		mac.Write([]byte(signed + "."))
		seconds, err := strconv.ParseInt(signed, 10, 64)
		if err != nil {
			return "", errNoSignature
		}
		if off := now.Sub(time.Unix(seconds, 0)); off > v.tolerance || off < -v.tolerance {
			return "", errOld
		}
	}
	mac.Write(body)
	if !hmac.Equal(bytes, mac.Sum(nil)) {
		return "", errNoSignature
	}
	if !v.onlyOnce {
		return "", nil
	}
	return string(bytes), v.once(string(bytes), now)
}

// once refuses a signature that came before.
func (v *verifier) once(sum string, now time.Time) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if now.Sub(v.swept) > v.tolerance {
		for s, at := range v.seen {
			if now.Sub(at) > 2*v.tolerance {
				delete(v.seen, s)
			}
		}
		v.swept = now
	}
	if at, ok := v.seen[sum]; ok && now.Sub(at) <= 2*v.tolerance {
		return errReplayed
	}
	v.seen[sum] = now
	return nil
}

// forget lets a signature come again, because its request was not taken.
func (v *verifier) forget(sum string) {
	v.mu.Lock()
	delete(v.seen, sum)
	v.mu.Unlock()
}
