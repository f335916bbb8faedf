package record

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph/types"
)

// A stay has dates wherever Go values may have them.
type stay struct {
	From, To types.CivilDate
	Left     *types.CivilDate
	Days     []types.CivilDate
	Paid     []*types.CivilDate
	Bill     struct {
		Due  types.CivilDate
		Sent *types.CivilDate `json:"sent_on"`
	}
	Rooms []struct{ Since types.CivilDate }
	Raw   any
}

func TestGoDates(t *testing.T) {
	poisoned(t)
	typ := types.FromGo(reflect.TypeFor[stay]())
	const want = "{from: date, to: date, left: date?, days: [date], paid: [date?], bill: {due: date, sent_on: date?}, rooms: [{since: date}], raw: any}"
	if typ.String() != want {
		t.Fatalf("the type is %s, want %s", typ, want)
	}
	day := types.DateOf(time.Date(2024, 2, 29, 23, 59, 0, 0, time.FixedZone("", -11*3600)))
	if day.String() != "2024-02-29" {
		t.Fatalf("the day of that time is %s", day)
	}
	var full stay
	full.From, full.To, full.Left = types.FirstDate, types.LastDate, &day
	full.Days, full.Paid = []types.CivilDate{day, 0, -1}, []*types.CivilDate{nil, &day}
	full.Bill.Due, full.Bill.Sent = day, &day
	full.Rooms = []struct{ Since types.CivilDate }{{day}, {types.FirstDate}}
	full.Raw = day.String()
	empty := stay{Days: []types.CivilDate{}, Paid: []*types.CivilDate{}, Rooms: []struct{ Since types.CivilDate }{}}
	items := []stay{full, empty, full}

	never := func(i int, err error) { t.Fatalf("item %d: %v", i, err) }
	x := Wrap(append([]stay{}, items...))
	b := x.ToBatch(typ, never)
	x.Release()
	if !b.Col("left").IsNull(1) || b.Col("left").IsNull(0) || b.Col("to").Int[0] != int64(types.LastDate) || b.Col("from").Int[1] != 0 {
		t.Errorf("left %v, to %v", b.Col("left"), b.Col("to"))
	}
	back := ItemsOf(b, new(Pool[stay]), never)
	b.Release()
	for i, got := range back.V {
		if !reflect.DeepEqual(got, items[i]) {
			t.Errorf("item %d came back as\n%+v, want\n%+v", i, got, items[i])
		}
	}
	back.Release()

	// A date that there is not is a bad item, wherever it stands.
	late, never1 := types.LastDate+1, types.FirstDate-1
	wrong := []stay{full, {From: late}, {Left: &never1}, {Days: []types.CivilDate{0, late}}, {Paid: []*types.CivilDate{&late}}, full}
	wrong = append(wrong, full)
	wrong[6].Bill.Due = late
	var bad []int
	x = Wrap(wrong)
	b = x.ToBatch(typ, func(i int, err error) {
		if fmt.Sprint(err) == "" {
			t.Errorf("item %d: no reason", i)
		}
		bad = append(bad, i)
	})
	if !reflect.DeepEqual(bad, []int{1, 2, 3, 4, 6}) || b.Len() != 2 {
		t.Errorf("bad items %v, %d rows", bad, b.Len())
	}
	b.Release()
	x.Release()
}
