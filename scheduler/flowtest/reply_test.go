package flowtest

import (
	"strings"
	"testing"
)

// A flow that answers requests is tested without any: who is asked is no data, so a test
// neither gives it nor expects it.
func TestReplies(t *testing.T) {
	const flow = `nodes:
  ask: {use: http.listen, with: {address: "127.0.0.1:1", as: "{qty: int}", respond: reply}}
  price: {use: map, in: ask, with: {set: {total: qty * 2}}}
  answer: {use: http.reply, in: price, with: {body: total}}
`
	got := outcome(t, flow, `tests:
  - name: right
    feed: {ask: [{qty: 2}]}
    expect: {price: [{qty: 2, total: 4}]}
  - name: wrong
    feed: {ask: [{qty: 2}]}
    expect: {price: [{qty: 3}]}
`, nil)
	if !strings.Contains(got, "pass right") || !strings.Contains(got, "FAIL wrong") || !strings.Contains(got, "qty is 2, want 3") {
		t.Error(got)
	}
	got = outcome(t, flow, "tests:\n  - name: made up\n    feed: {ask: [{qty: 2, reply: 7}]}\n    expect: {price: [{total: 4}]}\n", nil)
	if !strings.Contains(got, "want reply, got integer 7") {
		t.Error(got)
	}
}
