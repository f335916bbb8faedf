package otlp

import (
	"strings"
	"testing"
	"time"
)

func TestEndpoints(t *testing.T) {
	const endpoint, metrics = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
	for _, c := range []struct {
		given           string
		env             []string
		metrics, traces string
	}{
		{"", nil, "http://localhost:4318/v1/metrics", "http://localhost:4318/v1/traces"},
		{"", []string{endpoint, "https://host/otlp/"}, "https://host/otlp/v1/metrics", "https://host/otlp/v1/traces"},
		{"", []string{endpoint, "http://host:1", metrics, "http://other:2/write"}, "http://other:2/write", "http://host:1/v1/traces"},
		{"http://mine:3", []string{endpoint, "http://host:1", metrics, "http://other:2/write"}, "http://mine:3/v1/metrics", "http://mine:3/v1/traces"},
		{"http://mine:3", []string{endpoint, "nonsense"}, "http://mine:3/v1/metrics", "http://mine:3/v1/traces"},
	} {
		if s := settings(t, c.given, c.env...); s.Metrics != c.metrics || s.Traces != c.traces {
			t.Errorf("%q, %q: %s and %s", c.given, c.env, s.Metrics, s.Traces)
		}
	}
}

func TestSettings(t *testing.T) {
	s := settings(t, "", "OTEL_EXPORTER_OTLP_TIMEOUT", "1500", "OTEL_METRIC_EXPORT_INTERVAL", "60000", "OTEL_SERVICE_NAME", "nightly",
		"OTEL_RESOURCE_ATTRIBUTES", "service.name=other,team=a%2Cb", "OTEL_EXPORTER_OTLP_HEADERS", " authorization = Bearer%20x ,", "OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
	if s.Timeout != 1500*time.Millisecond || s.Every != time.Minute || s.Resource["service.name"] != "nightly" || s.Resource["team"] != "a,b" || s.Headers.Get("Authorization") != "Bearer x" {
		t.Errorf("%+v", s)
	}
}

func TestWrongSettings(t *testing.T) {
	for _, c := range []struct{ given, name, value, want string }{
		{"localhost:4318", "", "", `"localhost:4318" is no address of a collector, such as http://localhost:4318`},
		{"http://", "", "", "is no address of a collector"},
		{"http://host/?x=1", "", "", "is no address of a collector"},
		{"ftp://host", "", "", "is no address of a collector"},
		{"", "OTEL_EXPORTER_OTLP_ENDPOINT", "host", "OTEL_EXPORTER_OTLP_ENDPOINT: "},
		{"", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "host", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "},
		{"", "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "only http/protobuf is spoken here"},
		{"", "OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "want gzip or none"},
		{"", "OTEL_EXPORTER_OTLP_TIMEOUT", "10s", `OTEL_EXPORTER_OTLP_TIMEOUT is "10s": want a number of milliseconds`},
		{"", "OTEL_METRIC_EXPORT_INTERVAL", "0", "want a number of milliseconds"},
		{"", "OTEL_EXPORTER_OTLP_HEADERS", "geheim", "OTEL_EXPORTER_OTLP_HEADERS: want key=value pairs"},
		{"", "OTEL_RESOURCE_ATTRIBUTES", "a=%zz", "want key=value pairs"},
	} {
		_, err := FromEnv(c.given, func(name string) string {
			if name == c.name {
				return c.value
			}
			return ""
		})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "geheim") {
			t.Errorf("%s %s=%s: %v", c.given, c.name, c.value, err)
		}
	}
}

func TestParent(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	if got := parent(good); len(got) != 24 {
		t.Errorf("%x", got)
	}
	for _, bad := range []string{
		"", "x", good + "-00", "01" + good[2:], good[:20], strings.Replace(good, "0af7", "0ag7", 1),
		"00-" + strings.Repeat("0", 32) + good[35:], good[:36] + strings.Repeat("0", 16) + "-01",
	} {
		if got := parent(bad); got != nil {
			t.Errorf("%q is taken for %x", bad, got)
		}
	}
}
