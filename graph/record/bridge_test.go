package record

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/types"
)

type inner struct {
	X    int32
	Tags []string
}

type embedded struct{ Depth uint16 }

// outer has a field for each way in which Go values and columns correspond.
type outer struct {
	embedded
	ID     uint64 `flow:"id"`
	Name   string `json:"name,omitempty"`
	Opt    *float64
	Ok     bool
	At     time.Time
	For    time.Duration
	Day    types.CivilDate
	Days   []*types.CivilDate
	Raw    []byte
	Any    any
	JSON   json.RawMessage
	In     inner
	Maybe  *inner
	List   []inner
	Nested [][]int64
	F32    float32
	_      int
	Left   chan int `flow:"-"`
}

func sample(i int) outer {
	f := float64(i) / 2
	o := outer{
		embedded: embedded{uint16(i)}, ID: uint64(i), Name: strings.Repeat("n", i%7), Ok: i%2 == 0,
		At: time.Date(2020, 1, 1, 0, 0, i, 5, time.UTC), For: time.Duration(i), Day: types.FirstDate + types.CivilDate(i), Days: []*types.CivilDate{nil, new(types.CivilDate)}, Raw: []byte{byte(i), 0xFF},
		In: inner{int32(-i), []string{"a", fmt.Sprint(i)}}, Nested: [][]int64{{1, int64(i)}, {}, {2}}, F32: 0.5,
		List: []inner{}, Any: map[string]any{"k": []any{"v", 1.5, nil}}, JSON: json.RawMessage(`{"a":[1,2]}`),
	}
	if i%3 == 0 {
		o.Opt, o.Maybe = &f, &inner{7, []string{}}
		o.List = []inner{{1, []string{"x"}}, {2, []string{}}}
		o.Any, o.JSON = nil, nil
	}
	return o
}

func TestGoValuesRoundTrip(t *testing.T) {
	poisoned(t)
	typ := types.FromGo(reflect.TypeFor[outer]())
	if !typ.IsRecord() {
		t.Fatalf("the type is %s", typ)
	}
	var pool Pool[outer]
	x := pool.Get(100)
	var want []outer
	for i := range 100 {
		x.V, want = append(x.V, sample(i)), append(want, sample(i))
	}
	never := func(i int, err error) { t.Fatalf("item %d: %v", i, err) }
	b := x.ToBatch(typ, never)
	x.Release()
	if got := b.Len(); got != 100 {
		t.Fatalf("%d rows", got)
	}
	for _, c := range b.Cols {
		checkForm(t, c, 100)
	}
	s := b.Slice(10, 100).(*Batch)
	b.Release()
	y := ItemsOf(s, &pool, never)
	s.Release() // Go values have copies of the text
	for i, got := range y.V {
		if !reflect.DeepEqual(got, want[10+i]) {
			t.Fatalf("item %d came back as\n%+v, want\n%+v", i, got, want[10+i])
		}
	}
	y.Release()
}

// Null in any form of a Go value is null in the column.
func TestGoNulls(t *testing.T) {
	typ := types.FromGo(reflect.TypeFor[outer]())
	b := Wrap([]outer{sample(0)}).ToBatch(typ, nil)
	for _, name := range []string{"any", "json"} {
		if !b.Col(name).IsNull(0) {
			t.Errorf("%s is %q, want null", name, b.Col(name).Str[0])
		}
	}
	if b.Col("opt").IsNull(0) || b.Col("maybe").IsNull(0) {
		t.Error("a pointer to something became null")
	}
	b = Wrap([]*int{nil}).ToBatch(types.Int.Opt(), nil)
	if !b.Cols[0].IsNull(0) {
		t.Error("a nil pointer is not null")
	}
}

func TestGoValuesThatDoNotFit(t *testing.T) {
	type item struct {
		N    uint64
		Time time.Time
		Any  any
		Day  types.CivilDate
	}
	typ := types.FromGo(reflect.TypeFor[item]())
	ok := item{N: 1, Time: time.Unix(0, 0).UTC()}
	last := time.Unix(0, math.MaxInt64).UTC()
	x := Wrap([]item{ok, {N: math.MaxUint64, Time: ok.Time}, ok, {Time: time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)}, {Time: ok.Time, Any: make(chan int)}, ok,
		{N: 1, Time: last.Add(1)}, {N: 1, Time: last}, {N: 1, Time: time.Unix(0, math.MinInt64)}, {N: 1, Day: types.LastDate + 1, Time: last}})
	var bad []string
	b := x.ToBatch(typ, func(i int, err error) { bad = append(bad, fmt.Sprint(i, ": ", err)) })
	want := []string{
		`1: field "n": 18446744073709551615 is larger than int can hold`,
		`3: field "time": 3000-01-01T00:00:00Z is no time of a flow: times go from 1677-09-21 to 2262-04-11; a date (types.CivilDate) goes to the year 9999`,
		`4: field "any": json: unsupported type: chan int`,
		`6: field "time": 2262-04-11T23:47:16Z is no time of a flow: times go from 1677-09-21 to 2262-04-11; a date (types.CivilDate) goes to the year 9999`,
		`9: field "day": date 2932897 days from 1970 is outside the years 1 to 9999`,
	}
	if !reflect.DeepEqual(bad, want) {
		t.Errorf("bad items\n%s\nwant\n%s", strings.Join(bad, "\n"), strings.Join(want, "\n"))
	}
	for i := range b.Len() {
		if b.Col("n").Int[i] != 1 || !b.Col("any").IsNull(i) {
			t.Errorf("row %d has something of a bad item", i)
		}
	}
	if b.Len() != 5 || b.Col("time").Int[3] != math.MaxInt64 || b.Col("time").Int[4] != math.MinInt64 {
		t.Errorf("%d rows, want 5, of times %d", b.Len(), b.Col("time").Int)
	}
}

func TestRecordsThatDoNotFit(t *testing.T) {
	b := itemBatch(types.Record(types.Field{Name: "n", Type: types.Int}), []any{[]any{int64(1)}, []any{int64(300)}, []any{int64(-1)}})
	type small struct{ N uint8 }
	var bad []string
	x := ItemsOf(b, new(Pool[small]), func(row int, err error) { bad = append(bad, fmt.Sprint(row, ": ", err)) })
	if len(x.V) != 1 || x.V[0].N != 1 {
		t.Errorf("got %v", x.V)
	}
	if want := []string{`1: field "n": 300 does not fit uint8`, `2: field "n": -1 does not fit uint8`}; !reflect.DeepEqual(bad, want) {
		t.Errorf("bad rows %q, want %q", bad, want)
	}
}

// A struct takes the fields it knows, and int where it wants float.
func TestStructOfOtherRecord(t *testing.T) {
	typ := types.Record(types.Field{Name: "extra", Type: types.String}, types.Field{Name: "x", Type: types.Int}, types.Field{Name: "l", Type: types.List(types.Int)})
	b := itemBatch(typ, []any{[]any{"e", int64(3), []any{int64(4)}}})
	type point struct {
		X    float64
		L    []float64
		Miss *int
	}
	x := ItemsOf(b, new(Pool[point]), nil)
	if want := (point{3, []float64{4}, nil}); !reflect.DeepEqual(x.V[0], want) {
		t.Errorf("got %+v, want %+v", x.V[0], want)
	}
}

// Go values of one type become Go values of another by their records.
func TestStructToStruct(t *testing.T) {
	type a struct{ N, M int }
	type b struct {
		M float64
		S *string
	}
	x := ItemsOf(Wrap([]a{{1, 2}}), new(Pool[b]), func(i int, err error) { t.Fatal(i, err) })
	if len(x.V) != 1 || x.V[0].M != 2 || x.V[0].S != nil {
		t.Errorf("got %+v", x.V)
	}
	same := Wrap([]a{{1, 2}})
	if got := ItemsOf(same, new(Pool[a]), nil); got != same {
		t.Error("items of the wanted type were copied")
	}
}

func TestScalars(t *testing.T) {
	never := func(i int, err error) { t.Fatal(i, err) }
	b := Wrap([]int64{5, -7}).ToBatch(types.Int, never)
	same(t, "int64", b.items(), []any{int64(5), int64(-7)})
	if got := ItemsOf(b, new(Pool[float64]), never).V; !reflect.DeepEqual(got, []float64{5, -7}) {
		t.Errorf("got %v", got)
	}
	b = Wrap([][]string{{"a"}, {}, {"b", "c"}}).ToBatch(types.List(types.String), never)
	same(t, "[]string", b.items(), []any{[]any{"a"}, []any{}, []any{"b", "c"}})
	if got := ItemsOf(b, new(Pool[[]string]), never).V; !reflect.DeepEqual(got, [][]string{{"a"}, {}, {"b", "c"}}) {
		t.Errorf("got %v", got)
	}
}

// Go values have the whole range of times that files have.
func TestEndsOfTimeFromGo(t *testing.T) {
	first, last := time.Unix(0, math.MinInt64).UTC(), time.Unix(0, math.MaxInt64).UTC()
	bad := 0
	b := Wrap([]time.Time{first, last, first.Add(-1), last.Add(1)}).ToBatch(types.Time, func(int, error) { bad++ })
	if bad != 2 || b.Len() != 2 || b.Cols[0].Int[b.Row(0)] != math.MinInt64 || b.Cols[0].Int[b.Row(1)] != math.MaxInt64 {
		t.Errorf("%d items, %d bad: %v", b.Len(), bad, b.Cols[0].Int)
	}
}

// JSON of Go values has no escapes that only HTML needs.
func TestJSONIsNoHTML(t *testing.T) {
	b := Wrap([]struct {
		A any `flow:"a"`
	}{{"a -> b & <c>"}}).ToBatch(types.Record(types.Field{Name: "a", Type: types.Any}), nil)
	defer b.Release()
	if got := b.Cols[0].Str[0]; got != `"a -> b & <c>"` {
		t.Errorf("got %s", got)
	}
}
