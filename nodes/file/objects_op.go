package file

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/record"
	"github.com/flowrun/flowrun/graph/record/text"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file is for kinds of other packs that read the rows of objects as file.read does
// those of files.

// Objects are rows in the objects of one store.
type Objects struct {
	Address config.Name // of one object, or of several: see nodes.Store
	Reading Reading
	Store   nodes.StoreOpener
	Every   time.Duration // how often new objects are looked for; 0: there will be none
	// After, if not nil, is called for each object of which all sinks have all that came of
	// it, for good.
	After func(ctx context.Context, s nodes.Store, o nodes.Object) error
}

// An ObjectReader reads them.
type ObjectReader struct {
	r reader
	o Objects
}

// Reader gives what reads the objects. Its methods are those of a settings struct.
func (o Objects) Reader() *ObjectReader {
	stores := map[string]nodes.StoreOpener{nodes.Scheme(o.Address.Value): o.Store}
	return &ObjectReader{o: o, r: reader{Path: []config.Name{o.Address}, Reading: o.Reading, stores: stores, comes: o.Every > 0}}
}

// Infer implements graph.Inferer.
func (r *ObjectReader) Infer(c *graph.Inference) { r.r.Infer(c) }

// ValidatesUnread implements graph.Validator.
func (r *ObjectReader) ValidatesUnread() bool { return r.r.ValidatesUnread() }

// Pinned implements graph.Pinner.
func (r *ObjectReader) Pinned() *types.Type { return r.r.Pinned() }

// Operator implements nodes.Maker.
func (r *ObjectReader) Operator(env *nodes.Env) (nodes.Operator, error) {
	op, err := r.r.Operator(env)
	if err != nil || r.o.Every == 0 && r.o.After == nil {
		return op, err
	}
	reading := op.(fileReading)
	f := &feedOp{fileReading: reading, readOp: reading.common(), o: &r.o, taken: map[string]string{}}
	f.readOp.marks = r.o.After != nil
	if f.readOp.marks {
		return &ackedFeed{feedOp: f}, nil
	}
	return f, nil
}

// lost gives a bad item for a file that was not there when its turn had come, or was
// replaced while it was read.
func (o *readOp) lost(in *input, err error) (any, nodes.Position, error) {
	after, perr := o.positionAt(in, true)
	if perr != nil {
		return nil, nil, perr
	}
	reason := "it is not there any more: somebody has deleted it since it was found"
	if errors.Is(err, nodes.ErrOtherObject) {
		reason = fmt.Sprintf("another object was written to its place while it was read; up to line %d what was given is of the old one", max(0, in.done.line-1))
	}
	return &chunk{file: in, line: max(1, in.done.line), wrong: &text.RowError{Reason: reason}}, after, nil
}

// mark gives a chunk of no rows, with the position behind a file.
func (o *readOp) mark(in *input) (any, nodes.Position, error) {
	after, err := o.positionAt(in, true)
	if err != nil {
		return nil, nil, err
	}
	return &chunk{arena: record.NewArena(record.ArenaSize), file: in, rows: in.rows, line: in.line}, after, nil
}

// A fileReading is a running file.read, whatever the format.
type fileReading interface {
	nodes.Operator
	nodes.Parallel
	nodes.Starter
	nodes.Puller
	nodes.Seeker
	nodes.Closer
	common() *readOp
}

// common is what all formats have in common.
func (o *readOp) common() *readOp { return o }

// A feedOp reads objects as they come.
type feedOp struct {
	fileReading
	readOp *readOp // its base
	o      *Objects

	mu    sync.Mutex // guards files against Taken
	taken map[string]string
	next  time.Time // when new ones are looked for
}

// Open implements nodes.Starter.
func (o *feedOp) Open(ctx context.Context) error {
	err := o.fileReading.Open(ctx)
	for _, f := range o.readOp.files {
		o.taken[f.path] = f.object.ETag
	}
	o.next = time.Now().Add(o.o.Every)
	return err
}

// Endless implements nodes.Endless.
func (o *feedOp) Endless() bool { return o.o.Every > 0 }

// Next gives the next chunk, and waits for objects that come.
func (o *feedOp) Next(ctx context.Context) (any, nodes.Position, error) {
	for {
		p, after, err := o.fileReading.Next(ctx)
		if err != io.EOF || o.o.Every == 0 {
			return p, after, err
		}
		if err := nodes.Sleep(ctx, time.Until(o.next)); err != nil {
			return nil, nil, err
		}
		if err := o.more(ctx); err != nil {
			return nil, nil, err
		}
	}
}

// more finds objects that came, or were written anew, since the last time. What is not
// there any more is forgotten.
func (o *feedOp) more(ctx context.Context) error {
	o.next = time.Now().Add(o.o.Every)
	found, err := o.readOp.list(ctx, 0)
	if err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	taken := make(map[string]string, len(found))
	for _, f := range found {
		if etag, known := o.taken[f.path]; !known || etag != f.object.ETag {
			o.readOp.files = append(o.readOp.files, f)
		}
		taken[f.path] = f.object.ETag
	}
	o.taken = taken
	return nil
}

// An ackedFeed does something to objects that were taken.
type ackedFeed struct {
	*feedOp
	ctx  context.Context // of the run
	done int             // objects, of files
}

// Open implements nodes.Starter.
func (o *ackedFeed) Open(ctx context.Context) error {
	o.ctx = ctx
	return o.feedOp.Open(ctx)
}

// Seek implements nodes.Seeker. What was taken before is not touched again.
func (o *ackedFeed) Seek(ctx context.Context, after nodes.Position) error {
	err := o.fileReading.Seek(ctx, after)
	o.done = max(0, o.readOp.at-1)
	return err
}

// Taken implements nodes.Acknowledger.
func (o *ackedFeed) Taken(after nodes.Position) error {
	var p position
	if err := json.Unmarshal(after, &p); err != nil {
		return err
	}
	upTo := p.Index
	if p.Done {
		upTo++
	}
	for o.done < upTo {
		o.mu.Lock()
		f := o.readOp.files[o.done]
		o.mu.Unlock()
		if err := o.o.After(o.ctx, o.readOp.stores[nodes.Scheme(f.path)], *f.object); err != nil {
			return named(f.path, err)
		}
		o.done++
	}
	return nil
}

var (
	_ nodes.Puller       = (*feedOp)(nil)
	_ nodes.Acknowledger = (*ackedFeed)(nil)
)
