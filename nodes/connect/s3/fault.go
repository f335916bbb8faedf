package s3

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file says what errors of servers mean.

// answerOf is what a server has answered; the zero value if it has not.
func answerOf(err error) minio.ErrorResponse {
	e, _ := errors.AsType[minio.ErrorResponse](err)
	return e
}

// answered reports whether an error is an answer of the server.
func answered(err error) bool { return answerOf(err).StatusCode > 0 }

// passing reports whether an error may be gone when the same is tried again.
func passing(err error) bool {
	if e := answerOf(err); e.StatusCode > 0 || e.Code != "" {
		switch e.Code {
		case "SlowDown", "SlowDownRead", "SlowDownWrite", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "RequestLimitExceeded", "OperationAborted", "XMinioServerNotInitialized":
			return true
		}
		switch e.StatusCode {
		case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
			return true
		}
		return false
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return true
	}
	if _, tls := errors.AsType[*url.Error](err); tls && peer.HintOf(err) != "" {
		return false
	}
	if errors.Is(err, nodes.ErrEnclosed) || errors.Is(err, nodes.ErrOtherObject) {
		return false
	}
	if _, ok := errors.AsType[*url.Error](err); ok {
		return true
	}
	_, ok := errors.AsType[net.Error](err)
	return ok
}

// A toldError says what is wrong and what to do.
type toldError struct {
	text string
	hint string
	err  error
	is   error // what it is to those who know no S3; nil: nothing
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.err }
func (e *toldError) Is(err error) bool {
	return e.is != nil && errors.Is(e.is, err)
}

// Hint says what to do; see diag.HintOf.
func (e *toldError) Hint() diag.Hint { return diag.Hint{Text: e.hint} }

// explained says what an error means, in the words of this program.
func (s *store) explained(err error, bucket string) error {
	if _, done := errors.AsType[*toldError](err); done || errors.Is(err, nodes.ErrOtherObject) {
		return err
	}
	a := answerOf(err)
	if a.StatusCode == 0 && a.Code == "" {
		return s.unreached(err)
	}
	t := &toldError{err: err, text: strings.TrimSuffix(a.Error(), ".")}
	switch a.Code {
	case "NoSuchBucket":
		t.text, t.hint, t.is = fmt.Sprintf("there is no bucket %s on %s", bucket, s.host), "look at the name, and at `endpoint`; buckets are not made by flowrun", fs.ErrInvalid
	case "NoSuchKey", "NotFound":
		t.text, t.is = "there is no such object", fs.ErrNotExist
	case "PreconditionFailed":
		t.text, t.is = nodes.ErrOtherObject.Error(), nodes.ErrOtherObject
	case "AccessDenied", "AllAccessDisabled", "Forbidden":
		t.text, t.is = fmt.Sprintf("%s denies access to bucket %s", s.host, bucket), fs.ErrPermission
		t.hint = fmt.Sprintf("the keys (from %s) need s3:ListBucket and s3:GetObject to read, s3:PutObject to write, s3:DeleteObject for `after`", s.id.from)
	case "InvalidAccessKeyId":
		t.text, t.is = fmt.Sprintf("%s does not know the access key (from %s)", s.host, s.id.from), fs.ErrPermission
		t.hint = "look at `access_key`, and at `endpoint`: each server has keys of its own"
	case "SignatureDoesNotMatch":
		t.text, t.is = fmt.Sprintf("%s does not take the secret key (from %s)", s.host, s.id.from), fs.ErrPermission
		t.hint = "look at `secret_key`; a copy may lack a character, or have a line end"
	case "ExpiredToken", "InvalidToken", "TokenRefreshRequired":
		t.text, t.hint, t.is = "the session token has expired", "get new keys, and a new `session_token` with them", fs.ErrPermission
	case "RequestTimeTooSkewed":
		skew := time.Duration(s.skew.Load()).Round(time.Second)
		t.text = fmt.Sprintf("the clocks differ too much: that of %s is %s ahead of the one here", s.host, skew)
		if skew < 0 {
			t.text = fmt.Sprintf("the clocks differ too much: that of %s is %s behind the one here", s.host, -skew)
		}
		t.hint = "set the clock of this machine, such as by NTP"
	case "AuthorizationHeaderMalformed", "PermanentRedirect", "InvalidRegion", "IllegalLocationConstraintException", "MovedPermanently":
		t.text = fmt.Sprintf("bucket %s is in another region than %s", bucket, orUnknown(s.id.region))
		if t.hint = "write the `region` of the bucket"; a.Region != "" {
			t.text = fmt.Sprintf("bucket %s is in region %s", bucket, a.Region)
			t.hint = fmt.Sprintf("write `region: %s`", a.Region)
		}
	case "SlowDown", "SlowDownRead", "SlowDownWrite", "Throttling", "RequestLimitExceeded":
		t.text, t.hint = s.host+" asks to slow down", "give the node a `rate`, or fewer workers"
	case "NoSuchUpload":
		t.text, t.hint = "the upload is not there any more: somebody has aborted it", "look whether a rule of the bucket aborts uploads too soon"
	case "EntityTooLarge":
		t.text, t.hint = "the object is too large for the server", "write several, by `rotate: {bytes: 1GB}`"
	case "InvalidObjectState":
		t.text, t.hint = "the object is archived, and cannot be read at once", "restore it first"
	default:
		code := cmp.Or(a.Code, strconv.Itoa(a.StatusCode))
		if t.text = strings.TrimSuffix(fmt.Sprintf("%s answers %s: %s", s.host, code, t.text), ": "+code); a.StatusCode == http.StatusBadRequest && s.plain && strings.HasPrefix(code, "400") {
			t.hint = fmt.Sprintf("if it speaks TLS, write `endpoint: https://%s`", s.host)
		}
	}
	return t
}

func orUnknown(region string) string {
	if region == "" {
		return "us-east-1"
	}
	return region
}

// unreached is an error of somebody who has not answered.
func (s *store) unreached(err error) error {
	plain := err
	if u, ok := errors.AsType[*url.Error](err); ok { // its text has the whole request
		plain = u.Err
	}
	if t := peer.Plain(err); t != nil {
		plain = t
	}
	if strings.HasPrefix(plain.Error(), "Connection closed by foreign host") { // io.EOF, in the words of the client
		plain = io.ErrUnexpectedEOF
	}
	if errors.Is(plain, io.ErrUnexpectedEOF) || errors.Is(plain, io.EOF) {
		plain = errors.New("the connection was closed")
	}
	t := &toldError{err: err, text: fmt.Sprintf("%s does not answer: %s", s.host, plain), hint: peer.HintOf(err)}
	switch {
	case errors.Is(err, nodes.ErrEnclosed):
		t.text = plain.Error()
	case peer.PlainHTTP(plain):
		t.hint = fmt.Sprintf("write `endpoint: http://%s`", s.host)
	case t.hint != "":
		t.text = fmt.Sprintf("%s cannot be trusted: %s", s.host, plain)
	default:
		if _, dns := errors.AsType[*net.DNSError](err); dns || strings.Contains(plain.Error(), "refused") {
			t.hint = "look at `endpoint`, and whether the server runs"
		}
	}
	return t
}
