package arch

import "slices"

// A Rule is for one package, or for several that are alike.
type Rule struct {
	Rooms []string // packages, by their paths below the module; "." is the module's root
	May   []string // what they may import
	Tests []string // what only their tests may, besides that and themselves
}

// Data is what a flow and what goes through it are made of.
var data = []string{"graph/diag", "graph/quantity", "graph/types", "graph/record", "graph/config", "graph/expr"}

// Load is what tests need to compile a flow: tests may look at the kinds from below.
var load = []string{"graph", "graph/diag", "nodes", "nodes/std"}

// Kinds is what most of those who write kinds need, and packTests what their tests do.
var (
	kinds     = append([]string{"graph", "nodes"}, data...)
	packTests = []string{"nodes/nodetest", "nodes/std"}
)

// Sole are libraries that one package alone may know, or two that each have a reason.
var Sole = map[string]string{
	"gopkg.in/yaml.v3":              "graph/config",
	"gonum.org/v1/gonum":            "graph",
	"github.com/goccy/go-graphviz":  "graph/render",
	"github.com/expr-lang/expr":     "graph/expr",
	"github.com/spf13/cobra":        "cmd/flowrun/cli",
	"github.com/klauspost/compress": "nodes/file graph/record/block", // files as a whole, and blocks in them
	"github.com/pierrec/lz4":        "graph/record/block",
	"github.com/parquet-go":         "graph/record/parquet",
	"github.com/hamba/avro":         "graph/record/avro",
	"github.com/bmatcuk/doublestar": "nodes/file",
	"github.com/robfig/cron":        "nodes/timing",
	"go.opentelemetry.io":           "otlp",
	"google.golang.org/protobuf":    "graph/record/protobuf otlp",
	"github.com/bufbuild":           "graph/record/protobuf",
	"golang.org/x/tools":            "internal/archdraw",

	"github.com/go-sql-driver/mysql": "nodes/connect/sql",
	"github.com/jackc/pgx":           "nodes/connect/sql",
	"github.com/minio/minio-go":      "nodes/connect/s3",
	"modernc.org/sqlite":             "nodes/connect/sql",
	"github.com/redis/go-redis":      "nodes/connect/redis",
	"github.com/eclipse/paho.golang": "nodes/connect/mqtt",
	"github.com/rabbitmq/amqp091-go": "nodes/connect/amqp",
	"github.com/nats-io":             "nodes/connect/nats",
	"github.com/twmb/franz-go":       "nodes/connect/kafka",
	"github.com/coder/websocket":     "nodes/connect/websocket",

	"github.com/aymanbagabas/go-udiff": "cmd/flowrun/cli",
	"github.com/hashicorp/golang-lru":  "web",
	"golang.org/x/sync":                "web",
}

// Rules from the ground up.
var Rules = []Rule{
	{Rooms: []string{"graph/diag", "graph/quantity", "internal/durable", "internal/arch", "scheduler/metrics", "cmd/flowrun/internal/stopsignal", "graph/render/internal/vizstart", "internal/built", "internal/servertest"}},
	{Rooms: []string{"internal/brokertest", "internal/dbtest"}, May: []string{"internal/servertest"}},
	{Rooms: []string{"internal/archdraw"}, May: []string{"internal/arch"}},
	{Rooms: []string{"graph/types"}, May: []string{"graph/diag"}},
	{Rooms: []string{"graph/config"}, May: []string{"graph/diag", "graph/quantity"}},
	{Rooms: []string{"graph/record"}, May: []string{"graph/types"}},
	{Rooms: []string{"graph/record/text"}, May: []string{"graph/quantity", "graph/types", "graph/record"}},
	{Rooms: []string{"graph/record/jsonl"}, May: []string{"graph/types", "graph/record", "graph/record/text"}},
	{Rooms: []string{"graph/record/csv"}, May: []string{"graph/diag", "graph/types", "graph/record", "graph/record/jsonl", "graph/record/text"}},
	{Rooms: []string{"graph/record/block"}},
	{Rooms: []string{"graph/record/recordtest"}, May: []string{"graph/types", "graph/record", "graph/record/jsonl"}},
	{Rooms: []string{"graph/record/parquet", "graph/record/avro"}, May: []string{"graph/types", "graph/record", "graph/record/block", "graph/record/jsonl", "graph/record/text"}, Tests: []string{"graph/record/recordtest"}},
	{Rooms: []string{"graph/record/protobuf"}, May: []string{"graph/types", "graph/record", "graph/record/text"}, Tests: []string{"graph/record/jsonl"}},
	{Rooms: []string{"graph/redact"}, May: []string{"graph/quantity", "graph/record", "graph/record/jsonl"}, Tests: []string{"graph/types"}},
	{Rooms: []string{"graph/expr"}, May: []string{"graph/diag", "graph/quantity", "graph/types", "graph/record", "graph/record/text"}},
	{Rooms: []string{"graph"}, May: append([]string{"graph/record/text", "graph/redact"}, data...), Tests: []string{"nodes", "nodes/std"}},
	{Rooms: []string{"graph/diff"}, May: []string{"graph", "graph/config", "graph/diag", "graph/redact", "graph/types"}, Tests: load},
	{Rooms: []string{"graph/render"}, May: []string{"graph", "graph/diff", "graph/quantity", "graph/redact", "graph/types", "graph/render/internal/vizstart"}, Tests: load},

	// How kinds are written, and the kinds. A pack knows no other pack, but for s3, whose
	// objects are read and written as files are; what several share is columns and aggregate.
	// Their tests reach the engine by nodetest alone.
	{Rooms: []string{"nodes"}, May: []string{"graph", "graph/config", "graph/expr", "graph/record", "graph/types"}, Tests: []string{"graph/diag", "nodes/nodetest", "nodes/std", "scheduler"}},
	{Rooms: []string{"nodes/peer"}, May: []string{"graph", "graph/config", "graph/diag", "nodes"}},
	{Rooms: []string{"nodes/columns"}, May: without(kinds, "graph/quantity")},
	{Rooms: []string{"nodes/aggregate"}, May: append([]string{"nodes/columns"}, without(kinds, "nodes", "graph/quantity")...)},
	{Rooms: []string{"nodes/file"}, May: append([]string{"graph/record/avro", "graph/record/block", "graph/record/csv", "graph/record/jsonl", "graph/record/parquet", "graph/record/text", "graph/redact", "internal/durable"}, without(kinds, "graph/quantity")...), Tests: packTests},
	{Rooms: []string{"nodes/flow"}, May: append([]string{"graph/record/jsonl", "graph/redact", "nodes/columns"}, kinds...), Tests: packTests},
	{Rooms: []string{"nodes/http"}, May: append([]string{"graph/record/csv", "graph/record/jsonl", "graph/record/text", "graph/redact", "nodes/columns", "nodes/peer"}, without(kinds, "graph/quantity")...), Tests: packTests},
	{Rooms: []string{"nodes/join", "nodes/timing", "nodes/window"}, May: append([]string{"nodes/columns", "nodes/aggregate"}, kinds...), Tests: packTests},
	{Rooms: []string{"nodes/stream"}, May: append([]string{"graph/record/csv", "graph/record/jsonl", "graph/record/text", "graph/redact"}, without(kinds, "graph/quantity", "graph/expr")...)},
	{Rooms: []string{"nodes/exec"}, May: []string{"graph", "graph/config", "graph/diag", "graph/record", "graph/types", "nodes", "nodes/stream"}, Tests: packTests},
	{Rooms: []string{"nodes/socket"}, May: []string{"graph", "graph/config", "graph/diag", "graph/record", "graph/types", "nodes", "nodes/peer", "nodes/stream"}, Tests: packTests},
	{Rooms: []string{"nodes/std"}, May: []string{"nodes/exec", "nodes/file", "nodes/flow", "nodes/http", "nodes/join", "nodes/socket", "nodes/timing", "nodes/window"}, Tests: []string{"graph", "graph/config", "graph/diag", "graph/record", "graph/record/jsonl", "graph/types", "nodes", "nodes/nodetest"}},
	{Rooms: []string{"nodes/connect/sql"}, May: append([]string{"graph/record/jsonl", "graph/record/text", "nodes/columns", "nodes/peer"}, without(kinds, "graph/quantity", "graph/expr")...), Tests: append([]string{"internal/dbtest"}, packTests...)},
	{Rooms: []string{"nodes/message"}, May: append([]string{"graph/record/avro", "graph/record/jsonl", "graph/record/protobuf", "graph/record/text", "nodes/columns", "nodes/peer"}, without(kinds, "graph/quantity")...), Tests: []string{"nodes/nodetest", "nodes/std"}},
	{Rooms: []string{"nodes/connect/redis"}, May: append([]string{"graph/record/jsonl", "graph/record/text", "nodes/columns", "nodes/message", "nodes/peer"}, without(kinds, "graph/quantity")...), Tests: append([]string{"internal/brokertest"}, packTests...)},
	{Rooms: []string{"nodes/connect/amqp"}, May: append([]string{"nodes/message", "nodes/peer"}, without(kinds, "graph/quantity")...), Tests: append([]string{"internal/brokertest"}, packTests...)},
	{Rooms: []string{"nodes/connect/mqtt"}, May: append([]string{"nodes/message", "nodes/peer"}, without(kinds, "graph/quantity", "graph/record")...), Tests: append([]string{"internal/brokertest"}, packTests...)},
	{Rooms: []string{"nodes/connect/nats"}, May: append([]string{"internal/durable", "nodes/message", "nodes/peer"}, without(kinds, "graph/quantity", "graph/expr")...), Tests: append([]string{"internal/servertest"}, packTests...)},
	{Rooms: []string{"nodes/connect/kafka"}, May: append([]string{"nodes/message", "nodes/peer"}, without(kinds, "graph/quantity", "graph/record")...), Tests: append([]string{"graph/record", "internal/brokertest", "internal/servertest"}, packTests...)},
	{Rooms: []string{"nodes/connect/s3"}, May: []string{"graph", "graph/config", "graph/diag", "graph/types", "nodes", "nodes/file", "nodes/peer"}, Tests: packTests},
	{Rooms: []string{"nodes/connect/websocket"}, May: append([]string{"nodes/message", "nodes/peer"}, without(kinds, "graph/quantity", "graph/record", "graph/expr")...), Tests: packTests},
	{Rooms: []string{"nodes/connect/all"}, May: []string{"nodes/connect/amqp", "nodes/connect/kafka", "nodes/connect/mqtt", "nodes/connect/nats", "nodes/connect/redis", "nodes/connect/s3", "nodes/connect/sql", "nodes/connect/websocket", "nodes/std"}, Tests: []string{"graph", "graph/diag", "graph/render", "nodes"}},

	// The engine, and those who look at it. It knows no kinds.
	{Rooms: []string{"scheduler/queue"}, May: []string{"graph/record", "graph/types"}},
	{Rooms: []string{"scheduler/control"}, May: []string{"graph", "scheduler/metrics"}},
	{Rooms: []string{"scheduler/tap"}, May: []string{"graph/record", "graph/record/jsonl", "graph/redact", "nodes"}},
	{Rooms: []string{"scheduler"}, May: []string{"graph", "graph/diag", "graph/expr", "graph/record", "graph/record/jsonl", "graph/redact", "graph/types", "nodes",
		"scheduler/queue", "scheduler/control", "scheduler/tap", "scheduler/metrics"}, Tests: []string{"nodes/std"}},
	{Rooms: []string{"scheduler/supervise"}, May: []string{"nodes", "scheduler/metrics"}, Tests: []string{"scheduler"}},
	{Rooms: []string{"scheduler/history"}, May: []string{"internal/durable", "scheduler", "scheduler/metrics"}},
	{Rooms: []string{"scheduler/meter"}, May: []string{"graph", "graph/record", "nodes", "scheduler/metrics"}, Tests: []string{"graph/diag", "nodes/std", "scheduler"}},
	{Rooms: []string{"scheduler/advise"}, May: []string{"graph", "scheduler/metrics"}, Tests: []string{".", "graph/diag", "nodes", "nodes/std"}},
	{Rooms: []string{"scheduler/trial"}, May: []string{"graph", "graph/diag", "graph/record", "graph/record/jsonl", "graph/redact", "graph/types", "nodes", "scheduler", "scheduler/metrics"},
		Tests: []string{"nodes/std"}},
	{Rooms: []string{"scheduler/flowtest"}, May: append([]string{"graph", "graph/record/csv", "graph/record/jsonl", "graph/record/text", "graph/redact", "nodes", "scheduler", "scheduler/metrics"}, data...),
		Tests: []string{"nodes/std"}},
	{Rooms: []string{"nodes/nodetest"}, May: []string{"graph", "graph/diag", "graph/record", "graph/record/jsonl", "nodes", "scheduler", "scheduler/metrics"}, Tests: []string{"graph/types", "nodes/std"}},

	// What people use.
	{Rooms: []string{"internal/gosource"}, May: []string{"graph/diag", "nodes"}},
	{Rooms: []string{"."}, May: []string{"internal/gosource", "graph", "graph/config", "graph/diag", "graph/record", "graph/types", "nodes", "scheduler", "scheduler/metrics"},
		Tests: []string{"internal/arch", "nodes/std"}},
	{Rooms: []string{"otlp"}, May: []string{"scheduler/metrics"}},
	{Rooms: []string{"web/assist"}, May: []string{"graph", "graph/config", "graph/expr", "graph/types"}, Tests: load},
	{Rooms: []string{"web/webtest"}, May: []string{"graph", "graph/diag", "graph/types", "scheduler", "scheduler/metrics"}},
	{Rooms: []string{"web"}, May: []string{"graph", "graph/config", "graph/diag", "graph/diff", "graph/redact", "graph/render", "graph/types",
		"scheduler", "scheduler/history", "scheduler/metrics", "scheduler/supervise", "scheduler/trial", "web/assist"}, Tests: []string{"nodes", "nodes/std", "scheduler/flowtest", "web/webtest"}},
	{Rooms: []string{"cmd/flowrun/early"}, May: []string{"cmd/flowrun/internal/stopsignal"}},
	{Rooms: []string{"cmd/flowrun/cli"}, May: append([]string{"graph", "graph/diff", "graph/record/jsonl", "graph/redact", "graph/render", "cmd/flowrun/internal/stopsignal", "internal/durable", "nodes", "otlp", "web",
		"scheduler", "scheduler/advise", "scheduler/flowtest", "scheduler/history", "scheduler/meter", "scheduler/metrics", "scheduler/supervise", "scheduler/trial"}, data...), Tests: []string{"graph/record/csv", "internal/built", "nodes/std"}},
	{Rooms: []string{"cmd/flowrun"}, May: []string{"cmd/flowrun/cli", "cmd/flowrun/early", "nodes/connect/all"}},
	{Rooms: []string{"internal/torture"}, Tests: []string{"cmd/flowrun/cli", "internal/built", "nodes", "nodes/std"}},
	{Rooms: []string{"internal/kept"}},
	{Rooms: []string{"internal/brokerchaos"}, Tests: []string{"cmd/flowrun/cli", "internal/brokertest", "internal/built", "internal/kept", "internal/servertest", "nodes/connect/all"}},
	{Rooms: []string{"internal/chaos"}, Tests: []string{"cmd/flowrun/cli", "internal/built", "internal/dbtest", "internal/kept", "nodes/connect/all"}},
	{Rooms: []string{"internal/connectors"}, May: []string{"graph", "graph/diag", "internal/arch", "nodes", "nodes/connect/all"}},
	{Rooms: []string{"internal/connectors/figures"}},
	{Rooms: []string{"flows"}, Tests: []string{"graph", "graph/diag", "graph/render", "nodes", "nodes/std", "scheduler", "scheduler/flowtest"}},
	{Rooms: []string{"docs/recipes"}, Tests: []string{"graph", "graph/diag", "graph/render", "internal/brokertest", "internal/built", "internal/dbtest", "nodes", "nodes/connect/all", "scheduler/flowtest"}},
	{Rooms: []string{"examples/geopack"}, May: []string{"cmd/flowrun/cli", "graph", "nodes", "nodes/std"}, Tests: []string{"nodes/nodetest"}},
}

// without leaves some out.
func without(all []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(names, s) })
}
