package cli_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/cmd/flowrun/cli"
	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/std"
)

// A patient talks to a peer that is as its settings say.
type patient struct {
	State string `yaml:"state" enum:"well|gone|locked" doc:"How the peer is."`
	Typed bool   `yaml:"typed" doc:"Whether the flow says the type."`
}

func (p *patient) Infer(c *graph.Inference) {
	c.Out("out", types.Record(types.Field{Name: "n", Type: types.Int}))
	if p.Typed {
		return
	}
	switch ctx := c.Peers(); {
	case ctx == nil:
		c.List().Add(diag.NoSchema, c.Node.At, "the type cannot be told here")
	case p.State == "gone":
		c.List().Add(diag.Unreachable, c.Node.At, "the peer does not answer")
	}
}

func (p *patient) Examine(context.Context, *nodes.Env) []nodes.Finding {
	found := []nodes.Finding{{Peer: "test://" + p.State, What: "connection", Told: "Test 1.2", Took: 1500 * time.Microsecond}}
	switch p.State {
	case "gone":
		found[0].Told, found[0].Err = "", errors.New("connection refused")
	case "locked":
		found = append(found, nodes.Finding{Peer: "test://locked", What: "login", Err: lockedError{}})
	}
	return found
}

type lockedError struct{}

func (lockedError) Error() string   { return "wrong password" }
func (lockedError) Hint() diag.Hint { return diag.Hint{Text: "set PW"} }

func (p *patient) Operator(*nodes.Env) (nodes.Operator, error) { return nil, errors.New("not run") }

var patients = []nodes.Decl{nodes.Kind("patient", "A test.", &patient{State: "well"},
	nodes.OutPort(graph.Port{Name: "out", Doc: "Nothing."}), nodes.Lines("never", "never", "at once", "never"), nodes.Doc("A test."))}

func doctor(flow string, args ...string) result {
	var out, err paper
	code := cli.Run(append(args, "-"), strings.NewReader("flow: f\nnodes:\n"+flow+"  o: {use: drop, in: [p]}\n"), &out, &err, std.Nodes, patients)
	return result{out.text.String(), err.text.String(), code}
}

func TestDoctor(t *testing.T) {
	doctor("  p: {use: patient, with: {typed: true}}\n", "doctor").
		want(t, 0, "p (patient)  test://well\n  ok      connection: Test 1.2, answers in 1.5ms\n", "")
	doctor("  p: {use: patient, with: {typed: true, state: gone}}\n", "doctor").
		want(t, 3, "p (patient)  test://gone\n  failed  connection: connection refused\n", "flowrun: -: a peer is not as the flow needs it\n")
	doctor("  p: {use: patient, with: {state: gone}}\n", "doctor").want(t, 3, "p (patient)  test://gone\n  failed  connection: connection refused\n", "...")
	doctor("  p: {use: patient, with: {typed: true, state: locked}}\n", "doctor").
		want(t, 3, "p (patient)  test://locked\n  ok      connection: Test 1.2, answers in 1.5ms\n  failed  login: wrong password\n          hint: set PW\n", "...")
	doctor("  p: {use: patient, with: {typed: true, state: gone}}\n", "doctor", "--json").
		want(t, 3, "[\n  {\n    \"node\": \"p\",\n    \"kind\": \"patient\",\n    \"peer\": \"test://gone\",\n    \"what\": \"connection\",\n    \"took_seconds\": 0.0015,\n    \"error\": \"connection refused\"\n  }\n]\n", "...")
	doctor("  p: {use: generate, with: {count: 1}}\n", "doctor").want(t, 0, "f talks to no peer...", "")
	doctor("  p: {use: patient, with: {state: odd}}\n", "doctor").want(t, 2, "", "...")
}

// A peer that does not answer is not the flow's fault: check, types and run say so by
// their code, unless the flow has another error. Verbs that only look at a flow ask where a
// type cannot be told without.
func TestPeersThatDoNotAnswer(t *testing.T) {
	for _, verb := range []string{"check", "types", "run", "run --compare-serial", "advise", "render", "plan"} {
		verb := strings.Fields(verb)
		if r := doctor("  p: {use: patient, with: {state: gone}}\n", verb...); r.code != 3 || !strings.Contains(r.err, "[E404]") {
			t.Errorf("%s: exit %d, %s", verb, r.code, r.err)
		}
		if r := doctor("  p: {use: patient, with: {state: gone}}\n  q: {use: dropp, in: p}\n", verb...); r.code != 2 {
			t.Errorf("%s of a wrong flow: exit %d, %s", verb, r.code, r.err)
		}
	}
	other := filepath.Join(t.TempDir(), "other.yaml")
	if err := os.WriteFile(other, []byte("nodes:\n  p: {use: generate, with: {count: 1}}\n  o: {use: drop, in: [p]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := doctor("  p: {use: patient, with: {state: gone}}\n", "diff", other); r.code != 3 || !strings.Contains(r.err, "[E404]") {
		t.Errorf("diff: exit %d, %s", r.code, r.err)
	}
	for _, verb := range [][]string{{"render"}, {"plan"}, {"diff", other}} {
		for _, with := range []string{"", ", with: {typed: true, state: gone}"} {
			if r := doctor("  p: {use: patient"+with+"}\n", verb...); r.code != 0 || r.out == "" {
				t.Errorf("%s of a peer that answers, or need not: exit %d, %s", verb, r.code, r.err)
			}
		}
	}
}
