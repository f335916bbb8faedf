package otlp

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Settings say where to send what. FromEnv makes them.
type Settings struct {
	Metrics string // the URL that takes metrics
	Traces  string // the URL that takes traces
	Headers http.Header
	Gzip    bool
	Every   time.Duration // between two pushes
	Timeout time.Duration // of a request

	Resource map[string]string // what sends: service.name and more
	Parent   []byte            // the trace and the span that the run is part of, 24 bytes; nil: none

	transport http.RoundTripper // of tests; nil: the usual one
}

// local is where a collector listens when nobody says.
const local = "http://localhost:4318"

// FromEnv takes settings from the variables of OpenTelemetry's specification:
//
//	OTEL_EXPORTER_OTLP_ENDPOINT, ..._METRICS_ENDPOINT, ..._TRACES_ENDPOINT
//	OTEL_EXPORTER_OTLP_HEADERS, ..._TIMEOUT, ..._COMPRESSION, ..._PROTOCOL (http/protobuf alone)
//	OTEL_METRIC_EXPORT_INTERVAL, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, TRACEPARENT
//
// An endpoint that is given wins over all three; without any, it is a collector on
// this machine. The error names the variable.
func FromEnv(endpoint string, env func(string) string) (Settings, error) {
	const otlp = "OTEL_EXPORTER_OTLP_"
	s := Settings{Every: 10 * time.Second, Timeout: 10 * time.Second, Headers: http.Header{}, Resource: map[string]string{"service.name": "flowrun"}}
	if err := s.endpoints(endpoint, env); err != nil {
		return s, err
	}
	if p := env(otlp + "PROTOCOL"); p != "" && p != "http/protobuf" {
		return s, fmt.Errorf("%sPROTOCOL is %s: only http/protobuf is spoken here, which collectors take on port 4318", otlp, p)
	}
	switch c := env(otlp + "COMPRESSION"); c {
	case "", "none":
	case "gzip":
		s.Gzip = true
	default:
		return s, fmt.Errorf("%sCOMPRESSION is %s: want gzip or none", otlp, c)
	}
	if err := millis(env, otlp+"TIMEOUT", &s.Timeout); err != nil {
		return s, err
	}
	if err := millis(env, "OTEL_METRIC_EXPORT_INTERVAL", &s.Every); err != nil {
		return s, err
	}
	if err := pairs(env, otlp+"HEADERS", s.Headers.Set); err != nil {
		return s, err
	}
	if err := pairs(env, "OTEL_RESOURCE_ATTRIBUTES", func(k, v string) { s.Resource[k] = v }); err != nil {
		return s, err
	}
	if name := env("OTEL_SERVICE_NAME"); name != "" {
		s.Resource["service.name"] = name
	}
	s.Parent = parent(env("TRACEPARENT"))
	return s, nil
}

// endpoints finds the two URLs.
func (s *Settings) endpoints(given string, env func(string) string) error {
	s.below(cmp.Or(given, env("OTEL_EXPORTER_OTLP_ENDPOINT"), local))
	if given != "" {
		return isURL(given)
	}
	if base := env("OTEL_EXPORTER_OTLP_ENDPOINT"); base != "" {
		if err := isURL(base); err != nil {
			return fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
		}
	}
	for name, at := range map[string]*string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": &s.Metrics, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": &s.Traces} {
		if own := env(name); own != "" {
			if err := isURL(own); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			*at = own
		}
	}
	return nil
}

// below sets both URLs to the usual paths below a third.
func (s *Settings) below(base string) {
	base = strings.TrimSuffix(base, "/")
	s.Metrics, s.Traces = base+"/v1/metrics", base+"/v1/traces"
}

func isURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%q is no address of a collector, such as %s", text, local)
	}
	return nil
}

// millis reads a number of milliseconds.
func millis(env func(string) string, name string, into *time.Duration) error {
	text := env(name)
	if text == "" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > int(24*time.Hour/time.Millisecond) {
		return fmt.Errorf("%s is %q: want a number of milliseconds", name, text)
	}
	*into = time.Duration(n) * time.Millisecond
	return nil
}

// pairs reads key=value,key=value with values as in URLs. The error has no values:
// they may be keys of services.
func pairs(env func(string) string, name string, set func(k, v string)) error {
	for pair := range strings.SplitSeq(env(name), ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		k, v, ok := strings.Cut(pair, "=")
		value, err := url.PathUnescape(strings.TrimSpace(v))
		if k = strings.TrimSpace(k); !ok || err != nil || k == "" {
			return fmt.Errorf("%s: want key=value pairs with commas between them", name)
		}
		set(k, value)
	}
	return nil
}

// parent reads a trace parent, version 00 of the W3C's Trace Context. Anything else
// is as if nothing were there, as that says.
func parent(text string) []byte {
	parts := strings.Split(text, "-")
	if len(parts) != 4 || parts[0] != "00" || len(parts[1]) != 32 || len(parts[2]) != 16 {
		return nil
	}
	ids, err := hex.DecodeString(parts[1] + parts[2])
	if err != nil || strings.Trim(parts[1], "0") == "" || strings.Trim(parts[2], "0") == "" {
		return nil
	}
	return ids
}
