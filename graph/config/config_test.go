package config

import (
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/diag"
)

// A sink is a prototype with a setting of every type.
type sink struct {
	common

	Path  string        `yaml:"path,required" doc:"Where the file goes." min:"1"`
	Mode  string        `yaml:"mode" doc:"What to do with a file that exists." enum:"fail|replace|append"`
	Where Text          `yaml:"where" doc:"Which items are written."`
	By    []Name        `yaml:"by" doc:"Fields that split the output." lone:"true" max:"3"`
	Tags  []string      `yaml:"tags" doc:"Words to find it by."`
	Set   Map[Text]     `yaml:"set" doc:"Fields to add."`
	Every time.Duration `yaml:"every" doc:"Time between two flushes." min:"1ms" max:"24h"`
	Most  Size          `yaml:"most" doc:"When a new file is begun." min:"1kB"`
	Retry retry         `yaml:"retry" doc:"What to do when it fails."`
	Proxy *retry        `yaml:"proxy" doc:"The same for the proxy."`
	Steps []retry       `yaml:"steps" doc:"Several of them."`
	Port  *uint16       `yaml:"port" doc:"Where it listens."`
	Share float64       `yaml:"share" doc:"How much of it." max:"1"`
	Token Secret        `yaml:"token" doc:"What opens the door."`
	Free  any           `yaml:"free" doc:"Whatever it is."`
	Unit  unit          `yaml:"unit" doc:"Reads itself."`
	Small int8          `yaml:"small" doc:"A small number."`

	state int // not a setting
}

type common struct {
	Workers int  `yaml:"workers" doc:"How many at once." min:"1" max:"64"`
	Head    bool `yaml:"head" doc:"Whether there is a line of names."`
}

type retry struct {
	Attempts int           `yaml:"attempts,required" doc:"How often." min:"1"`
	Wait     time.Duration `yaml:"wait" doc:"The pause between two."`
}

func (r *retry) SetDefaults() { r.Wait = time.Second }

// A unit reads itself: a text in upper case.
type unit string

func (u *unit) DecodeConfig(v *Value, list *diag.List) {
	if v.Text != strings.ToUpper(v.Text) {
		list.Add(diag.WrongValue, v.Span, "want upper case")
		return
	}
	*u = unit(v.Text)
}

func (unit) ConfigType() (string, map[string]any) {
	return "upper case", map[string]any{"type": "string", "pattern": "^[A-Z]*$"}
}

func newSink() sink {
	return sink{common: common{Workers: 4}, Mode: "fail", Every: time.Hour, Most: 64e6, Tags: []string{"a", "b: c"}, Retry: retry{Wait: time.Minute}, state: 7}
}

func sinkSchema(t testing.TB) *Schema {
	proto := newSink()
	s, err := Of(&proto)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parse reads a text that must have no fault.
func parse(t testing.TB, text string) *Value {
	t.Helper()
	var list diag.List
	v := Parse(diag.NewSource("a.yaml", []byte(text)), &list)
	if len(list) > 0 {
		t.Fatalf("%q:\n%v", text, list)
	}
	return v
}

// picture is what a user sees of a list.
func picture(list diag.List) string {
	var b strings.Builder
	if err := diag.Print(&b, list, diag.Style{}); err != nil {
		return err.Error()
	}
	return b.String()
}

// comparePicture compares what a user sees with what was wanted, which starts with
// a line end for the looks of it.
func comparePicture(t *testing.T, input string, list diag.List, want string) {
	t.Helper()
	if got := picture(list); got != strings.TrimPrefix(want, "\n") {
		t.Errorf("%s\n--- got\n%s--- want%s", input, got, want)
	}
}
