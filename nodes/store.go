package nodes

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"
)

// This file is how kinds reach objects that are no files, such as those of S3, without
// knowing the client: a pack brings the store, and the registry of the program hands it to
// the kinds of other packs that can use one.

// An Object is one thing in a Store, as it was when it was looked at.
type Object struct {
	Address  string    // in full, such as s3://bucket/key
	Size     int64     // in bytes
	ETag     string    // another one is another content
	Modified time.Time // when it was written, by the clock of the store
}

// ErrOtherObject says that another object was written to the place of one.
var ErrOtherObject = errors.New("another object was written to its place")

// A Store has objects under addresses. Its methods are called on any goroutine. What fails
// for a time only is tried again, as the retry of the node says.
type Store interface {
	// Find gives the object of an address or, if that is a pattern or the name of a folder
	// with a slash at its end, all of them, in the order of their names.
	Find(ctx context.Context, address string) ([]Object, error)
	// Open reads length bytes of an object from an offset on, or with -1 all of them. An
	// object that is not there any more is fs.ErrNotExist, one that is not the same any more
	// ErrOtherObject, also while it is read: of two objects nothing is mixed.
	Open(ctx context.Context, o Object, offset, length int64) (io.ReadCloser, error)
	// Create makes what writes an object, and asks nobody. The object replaces what has its
	// name when it is committed; a fresh one must not.
	Create(address string, fresh bool) (ObjectWriter, error)
	// Close ends what the store holds open.
	Close() error
}

// A StoreExaminer is a Store that can look whether a run would find what it needs at an
// address, as an Examiner does, in the words of its pack.
type StoreExaminer interface {
	// ExamineRead looks whether there are objects, or may be some that come, and whether they
	// may be read.
	ExamineRead(ctx context.Context, address string, comes bool) []Finding
	ExamineWrite(ctx context.Context, address string) []Finding
}

// An ObjectWriter writes one object, which nobody sees before Commit. It belongs to one
// goroutine.
type ObjectWriter interface {
	// Begin asks the store whether it takes the object. Whoever does not wait for that to
	// be told late calls it first.
	Begin(ctx context.Context) error
	// Write may return before the text has arrived, and tell later that it did not.
	Write(ctx context.Context, text []byte) error
	// Seal returns when all that was written is in the store. Nothing is written after it.
	Seal(ctx context.Context) error
	// Commit makes the object visible. Without a Seal before it, it does that too.
	Commit(ctx context.Context) error
	// Abort throws it away, unless it was committed.
	Abort(ctx context.Context) error
}

// A StoreOpener opens a store for a node of a flow; in a check the Env has no more than Node
// and Flow. It connects to nobody yet.
type StoreOpener func(env *Env) (Store, error)

// Stores says that the pack of a kind brings the store for addresses of a scheme, such as
// "s3".
func Stores(scheme string, open StoreOpener) Option {
	return func(d *Decl) { d.stores = map[string]StoreOpener{scheme: open} }
}

// A StoreUser is a settings struct of a kind that can read or write objects by their
// addresses. The registry gives it the stores of all its packs, by scheme, before the
// settings are read.
type StoreUser interface {
	UseStores(stores map[string]StoreOpener)
}

// Scheme is that of an address, such as s3 of s3://bucket/key; "" if it is a path.
func Scheme(address string) string {
	scheme, _, ok := strings.Cut(address, "://")
	scheme = strings.ToLower(scheme)
	if !ok || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return ""
	}
	return scheme
}
