package file

import (
	"context"
	"errors"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// This file writes objects of stores as files are written: an object appears whole, when
// the run has succeeded or, with rotate, when it is complete.

// UseStores implements nodes.StoreUser.
func (k *writer) UseStores(stores map[string]nodes.StoreOpener) { k.stores = stores }

// isObject reports whether the path is an address.
func (k *writer) isObject() bool { return nodes.Scheme(k.Path.Value) != "" }

// An ObjectWriter writes rows to objects for kinds of other packs, as file.write does to
// files. Its methods are those of a settings struct.
type ObjectWriter struct{ writer }

// NewObjectWriter gives one that writes to an address, with stars for the values of split.
func NewObjectWriter(address config.Name, w Writing, store nodes.StoreOpener) *ObjectWriter {
	return &ObjectWriter{writer{Path: address, Writing: w, stores: map[string]nodes.StoreOpener{nodes.Scheme(address.Value): store}}}
}

// An objectTarget is an object that is being written.
type objectTarget struct {
	o     *writeOp
	w     nodes.ObjectWriter
	there bool // it is visible
}

// Write implements io.Writer.
func (t *objectTarget) Write(text []byte) (int, error) {
	if err := t.w.Write(t.o.ctx, text); err != nil {
		return 0, err
	}
	return len(text), nil
}

func (t *objectTarget) commit() error {
	if t.there {
		return nil
	}
	err := t.w.Commit(t.o.ctx)
	t.there = err == nil
	return err
}

func (o *writeOp) openStore() error {
	store, err := o.k.stores[nodes.Scheme(o.k.Path.Value)](o.env)
	if err != nil {
		return named(o.k.Path.Value, err)
	}
	o.store = store
	if o.k.split != nil || o.limits.on() {
		return nil
	}
	t, err := o.target("")
	if err != nil {
		return err
	}
	return t.wrong(t.object.w.Begin(o.ctx))
}

func (o *writeOp) createObject(address string) (*objectTarget, error) {
	w, err := o.store.Create(address, o.limits.on())
	if err != nil {
		return nil, err
	}
	return &objectTarget{o: o, w: w}, nil
}

// path gives a path in full; an address is as it is.
func (o *writeOp) path(p string) string {
	if o.store != nil {
		return p
	}
	return o.env.Path(p)
}

// nextObject gives the number of the object that comes next, which none has.
func (o *writeOp) nextObject(address string) (uint64, error) {
	dir, base := path.Split(address)
	name, ext := splitExt(base)
	last := o.numbers[address]
	if last == 0 { // later, what others write is not looked for again
		found, err := o.store.Find(o.ctx, escapePattern(dir+name+"-")+"*"+escapePattern(ext))
		if err != nil {
			return 0, named(address, err)
		}
		for _, object := range found {
			digits := strings.TrimSuffix(strings.TrimPrefix(object.Address, dir+name+"-"), ext)
			if n, err := strconv.ParseUint(digits, 10, 63); err == nil {
				last = max(last, n)
			}
		}
	}
	if o.numbers == nil {
		o.numbers = map[string]uint64{}
	}
	o.numbers[address] = last + 1
	return last + 1, nil
}

// escapePattern gives a pattern that a text alone matches.
func escapePattern(text string) string {
	var b strings.Builder
	for _, c := range text {
		if strings.ContainsRune(`*?[]{}\`, c) {
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func (o *writeOp) sealObjects() error {
	for _, t := range o.order {
		if !t.object.there && t.whole {
			if err := t.object.w.Seal(o.ctx); err != nil {
				return t.wrong(err)
			}
		}
	}
	return nil
}

// commitObjects makes the objects visible, one after the other: unlike files, several
// objects cannot appear at once.
func (o *writeOp) commitObjects() error {
	var errs []error
	for _, t := range o.order {
		err := t.object.commit()
		if errs = append(errs, t.wrong(err)); err == nil {
			t.fresh = 0
		}
	}
	return errors.Join(append(errs, o.store.Close())...)
}

// abortTime bounds how long a run that has failed tries to take back what it has uploaded.
const abortTime = 10 * time.Second

func (o *writeOp) abortObjects() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(o.ctx), abortTime)
	defer cancel()
	var errs []error
	if o.store == nil {
		return nil
	}
	for _, t := range o.order {
		if t.object != nil && !t.object.there {
			errs = append(errs, t.wrong(t.object.w.Abort(ctx)))
		}
	}
	return errors.Join(append(errs, o.store.Close())...)
}
