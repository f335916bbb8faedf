package otlp

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	metricspb "go.opentelemetry.io/proto/slim/otlp/collector/metrics/v1"
	tracepb "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

// A sender posts messages. It may be used by several goroutines.
type sender struct {
	client  *http.Client
	headers http.Header
	gzip    bool
}

func newSender(s Settings) sender {
	transport := s.transport
	if transport == nil {
		transport = http.DefaultTransport.(*http.Transport).Clone()
	}
	return sender{
		client: &http.Client{
			Transport: transport, Timeout: s.Timeout,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		headers: s.Headers, gzip: s.Gzip,
	}
}

func (s *sender) close() { s.client.CloseIdleConnections() }

// A refusal is an answer that is not a yes.
type refusal struct {
	status string
	later  bool          // the same may be sent again
	after  time.Duration // not before; 0: the collector does not say
}

func (r *refusal) Error() string { return "it answers " + r.status }

// send posts a message once.
func (s *sender) send(ctx context.Context, to string, m proto.Message) error {
	body, err := proto.Marshal(m)
	if err != nil {
		return err
	}
	if s.gzip {
		body = packed(body)
	}
	if err := s.post(ctx, to, body, m); err != nil {
		return fmt.Errorf("the collector at %s: %w", shown(to), err)
	}
	return nil
}

// insist posts a message again while the collector says that it may, or until ctx
// ends.
func (s *sender) insist(ctx context.Context, to string, m proto.Message) error {
	for wait := 200 * time.Millisecond; ; wait *= 2 {
		err := s.send(ctx, to, m)
		no, ok := errors.AsType[*refusal](err)
		if !ok || !no.later {
			return err
		}
		select {
		case <-time.After(max(wait, no.after)):
		case <-ctx.Done():
			return err
		}
	}
}

func (s *sender) post(ctx context.Context, to string, body []byte, m proto.Message) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("User-Agent", "flowrun")
	for name, values := range s.headers {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	if s.gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	res, err := s.client.Do(req)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err // the address is said already
		}
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return err
	}
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After"))
		return &refusal{res.Status, true, time.Duration(max(seconds, 0)) * time.Second}
	}
	if res.StatusCode/100 != 2 {
		return &refusal{status: res.Status}
	}
	return partly(m, answer)
}

// partly looks in the answer to a message for what was refused of it.
func partly(m proto.Message, answer []byte) error {
	var refused int64
	var why string
	switch m.(type) {
	case *metricspb.ExportMetricsServiceRequest:
		var r metricspb.ExportMetricsServiceResponse
		if proto.Unmarshal(answer, &r) == nil {
			refused, why = r.GetPartialSuccess().GetRejectedDataPoints(), r.GetPartialSuccess().GetErrorMessage()
		}
	case *tracepb.ExportTraceServiceRequest:
		var r tracepb.ExportTraceServiceResponse
		if proto.Unmarshal(answer, &r) == nil {
			refused, why = r.GetPartialSuccess().GetRejectedSpans(), r.GetPartialSuccess().GetErrorMessage()
		}
	}
	if refused == 0 {
		return nil
	}
	return fmt.Errorf("it refused %d of what was sent: %s", refused, why)
}

func packed(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body) // a buffer takes everything
	z.Close()
	return b.Bytes()
}

// shown is an address without the password in it.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Redacted()
}
