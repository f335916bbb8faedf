package file

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/flowrun/flowrun/graph"
	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
	"github.com/flowrun/flowrun/graph/types"
	"github.com/flowrun/flowrun/nodes"
)

// This file reads objects of stores, such as those of S3, as files are read. It knows of
// them what nodes.Store says.

// A seekable is what is read of a file, or of an object.
type seekable interface {
	fs.File
	io.ReaderAt
	io.Seeker
}

// openStores are the stores of a node, by the scheme of their addresses.
type openStores map[string]nodes.Store

// at gives the store of an address, which is opened by the first who asks.
func (s openStores) at(env *nodes.Env, openers map[string]nodes.StoreOpener, address string) (nodes.Store, error) {
	scheme := nodes.Scheme(address)
	if s[scheme] == nil {
		store, err := openers[scheme](env)
		if err != nil {
			return nil, err
		}
		s[scheme] = store
	}
	return s[scheme], nil
}

func (s openStores) close() error {
	var errs []error
	for scheme, store := range s {
		errs = append(errs, store.Close())
		delete(s, scheme)
	}
	return errors.Join(errs...)
}

// openFile opens a file that the flow may read, or an object.
func openFile(ctx context.Context, flow *graph.Flow, f sourceFile, stores openStores) (seekable, error) {
	if f.object == nil {
		return flow.Open(f.path)
	}
	o := &objectFile{ctx: ctx, store: stores[nodes.Scheme(f.path)], object: *f.object}
	return o, o.start()
}

// UseStores implements nodes.StoreUser.
func (k *reader) UseStores(stores map[string]nodes.StoreOpener) { k.stores = stores }

// A checked is what a check has found in stores.
type checked struct {
	ctx    context.Context // nil: nobody may be asked
	stores openStores
	files  map[string]sourceFile // by their addresses
	left   bool                  // an address was not looked at
}

// askTime bounds what a check asks of stores.
const askTime = 30 * time.Second

// beginCheck makes stores ready to be asked until end is called.
func (k *reader) beginCheck(c *graph.Inference) (end func()) {
	k.check = &checked{stores: openStores{}, files: map[string]sourceFile{}}
	cancel := func() {}
	if peers := c.Peers(); peers != nil {
		k.check.ctx, cancel = context.WithTimeout(peers, askTime)
	}
	return func() {
		k.check.stores.close()
		k.check = nil
		cancel()
	}
}

// look opens a file, or an object, while the flow is checked.
func (k *reader) look(c *graph.Inference, path string) (seekable, error) {
	if f, ok := k.check.files[path]; ok {
		return openFile(k.check.ctx, c.Flow, f, k.check.stores)
	}
	return c.Flow.Open(path)
}

// findObjects looks for the objects of an address, if it may, and gives the first that has
// something: a check looks at no more of them.
func (k *reader) findObjects(c *graph.Inference, address string, at diag.Span) []sourceFile {
	switch {
	case k.stores[nodes.Scheme(address)] == nil:
		refuseAddress(c, address, "file.read", at)
		return nil
	case k.Follow:
		c.List().Add(diag.Conflict, at, "%s cannot be followed: an object never grows", address).
			WithHint("read objects as they come with `use: s3.read` and `every: 10s`, or leave `follow` out")
		return nil
	case k.check.ctx == nil:
		k.check.left = true
		return nil
	}
	store, err := k.check.stores.at(&nodes.Env{Node: c.Node, Flow: c.Flow}, k.stores, address)
	var found []nodes.Object
	if err == nil {
		found, err = store.Find(k.check.ctx, address)
	}
	switch {
	case err != nil:
		d := c.List().Add(diag.Unreachable, at, "%s cannot be read: %s", address, err)
		if hint := diag.HintOf(err); !hint.IsZero() {
			d.WithHint("%s", hint)
		}
		return nil
	case len(found) == 0 && k.comes:
		k.check.left = true
		return nil
	case len(found) == 0:
		c.List().Add(diag.NoFile, at, "no object matches %s", address)
		return nil
	}
	first := max(0, slices.IndexFunc(found, func(o nodes.Object) bool { return o.Size > 0 }))
	f := sourceFile{path: found[first].Address, name: found[first].Address, at: at, object: &found[first]}
	k.check.files[f.path] = f
	return []sourceFile{f}
}

// refuseAddress reports an address that no pack of this program can read or write.
func refuseAddress(c *graph.Inference, address, kind string, at diag.Span) {
	if nodes.Scheme(address) == "s3" {
		c.List().Add(diag.WrongValue, at, "%s is an address of S3, and this flowrun was built without its pack", address).
			WithHint("use a flowrun that has nodes/connect/s3: one that was built without --core, or with that package among its packs")
		return
	}
	d := c.List().Add(diag.WrongValue, at, "%s is an address, and %s %ss files", address, kind, strings.TrimPrefix(kind, "file."))
	if kind == "file.write" {
		d.WithHint("write a file, and send it when the flow has succeeded")
	} else {
		d.WithHint("fetch it first, such as by `curl -O`, and read the file; or read `path: -` with a format, and give it to the flow by a pipe")
	}
}

// promiseObjects gives the type of rows that stand in objects which nobody has looked at.
func (k *reader) promiseObjects(c *graph.Inference) {
	at := k.Path[0].At
	form, _, err := formatOf(k.Path[0].Value, format(k.Format), compression(k.Compress))
	if k.format = form; err != nil {
		c.List().Add(diag.MissingKey, at, "%s", err).WithHint("add `format: jsonl` (or csv, tsv, json, lines)")
		return
	}
	if !k.checkSettings(c) {
		return
	}
	if k.format != formatLines && k.As.YAML.IsNull() {
		why := "is not known here, where no store is asked"
		if k.check.ctx != nil {
			why = "cannot be sampled, for there is none yet"
		}
		c.List().Add(diag.NoSchema, at, "%s: the type of the rows of %s %s", c.Node.ID, k.Path[0].Value, why).
			WithHint("write `as: {id: int, ...}`; `flowrun types --pin` does it for you where there are objects")
		return
	}
	t := k.typeOf(c)
	if k.row = t; t == nil || !k.settleExtra(c, &t) || !k.settlePlace(c, &t) {
		return
	}
	c.Out("out", t)
}

// Pinned implements graph.Pinner: of objects the type was asked for.
func (k *reader) Pinned() *types.Type {
	if k.sampled == "" || !slices.ContainsFunc(k.files, func(f sourceFile) bool { return f.object != nil }) {
		return nil
	}
	return k.row
}

// Open implements nodes.Starter: it finds the objects of this run.
func (o *readOp) Open(ctx context.Context) error {
	if !slices.ContainsFunc(o.k.Path, func(p config.Name) bool { return nodes.Scheme(p.Value) != "" }) {
		return nil
	}
	o.stores, o.files = openStores{}, nil
	for i, p := range o.k.Path {
		if nodes.Scheme(p.Value) == "" {
			for _, f := range o.k.files {
				if f.of == i {
					o.files = append(o.files, f)
				}
			}
			continue
		}
		found, err := o.list(ctx, i)
		if err != nil {
			return err
		}
		if len(found) == 0 && !o.k.comes {
			return named(p.Value, errors.New("there is no such object"))
		}
		o.files = append(o.files, found...)
	}
	for _, f := range o.files {
		if f.object != nil {
			o.listed.Add(f.object.Size)
		} else if info, err := o.env.Flow.Stat(f.path); err == nil {
			o.listed.Add(info.Size())
		}
	}
	return nil
}

// list finds the objects of the i-th path.
func (o *readOp) list(ctx context.Context, i int) (files []sourceFile, err error) {
	p := o.k.Path[i]
	store, err := o.stores.at(o.env, o.k.stores, p.Value)
	if err != nil {
		return nil, named(p.Value, err)
	}
	found, err := store.Find(ctx, p.Value)
	if err != nil {
		return nil, named(p.Value, err)
	}
	for j := range found {
		files = append(files, sourceFile{path: found[j].Address, name: found[j].Address, at: p.At, of: i, object: &found[j]})
	}
	return files, nil
}

// lost reports whether an error is that of an object alone, which is a bad item: it is not
// there any more, or not the same.
func (f sourceFile) lost(err error) bool {
	return f.object != nil && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, nodes.ErrOtherObject))
}

// An objectFile reads an object as a file is read: mostly on and on, in one stream. ReadAt
// may be called from any goroutine.
type objectFile struct {
	ctx    context.Context
	store  nodes.Store
	object nodes.Object

	mu     sync.Mutex // guards the stream
	body   io.ReadCloser
	stream int64  // what body gives next
	pos    int64  // what Read gives next
	head   []byte // the first bytes, as far as they were looked at
}

// start opens the stream, so that an object that is not there is known at once.
func (f *objectFile) start() (err error) {
	if f.object.Size > f.pos {
		f.body, err = f.store.Open(f.ctx, f.object, f.pos, -1)
		f.stream = f.pos
	}
	return err
}

// Read implements io.Reader.
func (f *objectFile) Read(p []byte) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case len(p) == 0:
		return 0, nil
	case f.pos < int64(len(f.head)):
		n = copy(p, f.head[f.pos:])
	case f.pos >= f.object.Size:
		return 0, io.EOF
	default:
		if f.body == nil || f.stream != f.pos {
			f.stop()
			if err = f.start(); err != nil {
				return 0, err
			}
		}
		n, err = f.body.Read(p)
		f.stream += int64(n)
	}
	if f.pos += int64(n); err == io.EOF && f.pos < f.object.Size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// ReadAt implements io.ReaderAt. What is read of the beginning is kept for Read.
func (f *objectFile) ReadAt(p []byte, from int64) (n int, err error) {
	to := min(from+int64(len(p)), f.object.Size)
	if from >= to {
		return 0, io.EOF
	}
	if n, err, known := f.ofHead(p, from, to); known {
		return n, err
	}
	part, err := f.store.Open(f.ctx, f.object, from, to-from)
	if err != nil {
		return 0, err
	}
	defer part.Close()
	n, err = io.ReadFull(part, p[:to-from])
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// ofHead is ReadAt of the beginning, before anything was read of the object.
func (f *objectFile) ofHead(p []byte, from, to int64) (n int, err error, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.pos > 0 || to > lookedAt || f.body != nil && f.stream != int64(len(f.head)) {
		return 0, nil, false
	}
	for int64(len(f.head)) < to && err == nil {
		err = f.lookOn(to)
	}
	if n = copy(p, f.head[min(from, int64(len(f.head))):]); n < len(p) && err == nil {
		err = io.EOF
	}
	return n, err, true
}

// lookOn reads more of the beginning, up to a point.
func (f *objectFile) lookOn(to int64) error {
	if f.body == nil {
		body, err := f.store.Open(f.ctx, f.object, int64(len(f.head)), -1)
		if err != nil {
			return err
		}
		f.body, f.stream = body, int64(len(f.head))
	}
	have := len(f.head)
	f.head = slices.Grow(f.head, int(to)-have)[:to]
	n, err := io.ReadFull(f.body, f.head[have:])
	f.head, f.stream = f.head[:have+n], f.stream+int64(n)
	return err
}

// Seek implements io.Seeker.
func (f *objectFile) Seek(offset int64, whence int) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch whence {
	case io.SeekCurrent:
		offset += f.pos
	case io.SeekEnd:
		offset += f.object.Size
	}
	if offset < 0 {
		return f.pos, fmt.Errorf("a place before the beginning: %d", offset)
	}
	f.pos = offset
	return offset, nil
}

func (f *objectFile) stop() {
	if f.body != nil {
		f.body.Close()
		f.body = nil
	}
}

// Close implements io.Closer.
func (f *objectFile) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop()
	return nil
}

// Stat implements fs.File.
func (f *objectFile) Stat() (fs.FileInfo, error) { return objectInfo{f.object}, nil }

// An objectInfo is an object as a file.
type objectInfo struct{ o nodes.Object }

func (i objectInfo) Name() string       { return path.Base(i.o.Address) }
func (i objectInfo) Size() int64        { return i.o.Size }
func (i objectInfo) Mode() fs.FileMode  { return 0 }
func (i objectInfo) ModTime() time.Time { return i.o.Modified }
func (i objectInfo) IsDir() bool        { return false }
func (i objectInfo) Sys() any           { return i.o }

// shortPath is a path, or an address, as messages have it.
func shortPath(path string) string {
	if nodes.Scheme(path) != "" {
		return path
	}
	return nodes.ShortPath(path)
}

// Matches reports whether a name matches a pattern, such as data/**/*.csv.
func Matches(pattern, name string) (bool, error) { return doublestar.Match(pattern, name) }
