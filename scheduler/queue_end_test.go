package scheduler

import (
	"testing"
	"time"

	"github.com/flowrun/flowrun/graph"
)

// A reader that found a queue empty just before it ended must see the end.
func TestEndOfAnEmptyQueueIsSeen(t *testing.T) {
	q := newQueue(&edge{spec: &graph.Edge{Contract: graph.DefaultContract()}})
	if _, ok, _, done := q.take(time.Now(), false); ok || done {
		t.Fatalf("an empty queue gives something: %v, or has ended: %v", ok, done)
	}
	close(q.over)
	select {
	case <-q.ending():
	default:
		t.Fatal("the end is not seen")
	}
	if _, ok, _, done := q.take(time.Now(), false); ok || !done {
		t.Fatal("the queue has not ended")
	}
}
