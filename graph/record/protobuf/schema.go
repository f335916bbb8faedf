package protobuf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/reporter"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/flowrun/flowrun/graph/types"
)

// This file reads schemas, and finds what they are in the types of flows.

// A Schema is a message of a schema. Many goroutines may use it at once.
type Schema struct {
	root protoreflect.MessageDescriptor
}

// maxSchema is how large a file may be, in bytes, and maxErrors how much of what is wrong with
// it is told.
const (
	maxSchema = 16 << 20
	maxErrors = 3
)

// An AmbiguousError is that of a file with several messages of which none was named.
type AmbiguousError struct{ Messages []string }

func (e *AmbiguousError) Error() string {
	return "it has several messages: " + strings.Join(e.Messages, ", ")
}

// ReadSchema reads a file by its path, and what it imports by the paths that it says. message is
// the name of the message, with its package; "": the only one that there is.
func ReadSchema(path, message string, open func(path string) (io.ReadCloser, error)) (s *Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("it cannot be read: %v", p)
		}
	}()
	var wrong []error
	c := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{Accessor: bounded(open)}),
		MaxParallelism: 1,
		Reporter: reporter.NewReporter(func(err reporter.ErrorWithPos) error {
			if wrong = append(wrong, err); len(wrong) == maxErrors {
				return err
			}
			return nil
		}, nil),
	}
	files, err := c.Compile(context.Background(), path)
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	if err != nil {
		return nil, err
	}
	root, err := find(files[0].Messages(), message)
	if err != nil {
		return nil, err
	}
	return &Schema{root}, nil
}

// bounded refuses files that are too large.
func bounded(open func(path string) (io.ReadCloser, error)) func(path string) (io.ReadCloser, error) {
	return func(path string) (io.ReadCloser, error) {
		f, err := open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxSchema+1))
		switch {
		case err != nil:
		case len(text) > maxSchema:
			err = fmt.Errorf("%s has more than %d bytes", path, maxSchema)
		case deep(text):
			err = fmt.Errorf("%s is nested too deep", path)
		}
		return io.NopCloser(strings.NewReader(string(text))), err
	}
}

// maxNesting is how deep braces may be in others: whoever follows them has a stack.
const maxNesting = 1000

// deep reports whether a text has braces that are nested too deep, also in what is no code.
func deep(text []byte) bool {
	depth := 0
	for _, c := range text {
		switch c {
		case '{', '[', '(', '<':
			if depth++; depth > maxNesting {
				return true
			}
		case '}', ']', ')', '>':
			depth = max(0, depth-1)
		}
	}
	return false
}

// find gives the message of a name, also one that is in another.
func find(all protoreflect.MessageDescriptors, name string) (protoreflect.MessageDescriptor, error) {
	var names []string
	for i := range all.Len() {
		names = append(names, string(all.Get(i).FullName()))
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("it has no message")
	case name == "" && len(names) == 1:
		return all.Get(0), nil
	case name == "":
		return nil, &AmbiguousError{names}
	}
	if m := within(all, name); m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("it has no message %s: it has %s", name, strings.Join(names, ", "))
}

func within(all protoreflect.MessageDescriptors, name string) protoreflect.MessageDescriptor {
	for i := range all.Len() {
		m := all.Get(i)
		if string(m.FullName()) == name {
			return m
		}
		if strings.HasPrefix(name, string(m.FullName())+".") {
			return within(m.Messages(), name)
		}
	}
	return nil
}

// Name is that of the message, with its package.
func (s *Schema) Name() string { return string(s.root.FullName()) }

// Path says where the message is in its file: the number of the message, of one in that, and so on.
func (s *Schema) Path() (path []int) {
	for d := protoreflect.Descriptor(s.root); d != nil; d = d.Parent() {
		if m, ok := d.(protoreflect.MessageDescriptor); ok {
			path = append([]int{m.Index()}, path...)
		}
	}
	return path
}

// Type gives the type of the rows. An error names a field that no type can hold.
func (s *Schema) Type(origin types.Origin) (*types.Type, error) {
	return typer{origin, map[protoreflect.FullName]bool{}}.record(s.root, "")
}

// A typer finds types.
type typer struct {
	origin types.Origin
	open   map[protoreflect.FullName]bool // messages whose type is being found
}

func (y typer) record(m protoreflect.MessageDescriptor, place string) (*types.Type, error) {
	if y.open[m.FullName()] {
		return nil, fmt.Errorf("field %q is a %s in a %s, which flowrun has no type for: name the fields to read with `as`, without it or as any", place, m.Name(), m.Name())
	}
	y.open[m.FullName()] = true
	defer delete(y.open, m.FullName())
	t := &types.Type{Kind: types.KindRecord}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		own, err := y.field(f, inside(place, string(f.Name())))
		if err != nil {
			return nil, err
		}
		t.Fields = append(t.Fields, types.Field{Name: string(f.Name()), Type: own, Origin: y.origin})
	}
	return t, nil
}

func inside(place, name string) string {
	if place == "" {
		return name
	}
	return place + "." + name
}

func (y typer) field(f protoreflect.FieldDescriptor, place string) (*types.Type, error) {
	switch {
	case f.IsMap():
		key, err := y.value(f.MapKey(), place)
		if err != nil {
			return nil, err
		}
		value, err := y.value(f.MapValue(), place+"[].value")
		if err != nil {
			return nil, err
		}
		return types.List(types.Record(types.Field{Name: "key", Type: key, Origin: y.origin}, types.Field{Name: "value", Type: value, Origin: y.origin})), nil
	case f.IsList():
		elem, err := y.value(f, place+"[]")
		if err != nil {
			return nil, err
		}
		return types.List(elem), nil
	}
	t, err := y.value(f, place)
	if err != nil {
		return nil, err
	}
	if f.HasPresence() && f.Cardinality() != protoreflect.Required {
		t = t.Opt()
	}
	return t, nil
}

// value gives the type of a single value of a field.
func (y typer) value(f protoreflect.FieldDescriptor, place string) (*types.Type, error) {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return types.Bool, nil
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return types.Float, nil
	case protoreflect.StringKind:
		return types.String, nil
	case protoreflect.BytesKind:
		return types.Bytes, nil
	case protoreflect.EnumKind:
		return types.Enum(words(f.Enum())...), nil
	case protoreflect.MessageKind, protoreflect.GroupKind:
		switch known[f.Message().FullName()] {
		case knownTime:
			return types.Time, nil
		case knownDuration:
			return types.Duration, nil
		case knownAny:
			return types.Any, nil
		case knownWrapper:
			return y.value(f.Message().Fields().ByNumber(1), place)
		}
		return y.record(f.Message(), place)
	}
	return types.Int, nil
}

// words are the names of an enum. One that is a second name of a number is as good.
func words(e protoreflect.EnumDescriptor) (all []string) {
	for i := range e.Values().Len() {
		all = append(all, string(e.Values().Get(i).Name()))
	}
	return all
}

// A knownKind is what a message is that everybody knows.
type knownKind uint8

const (
	knownNot knownKind = iota
	knownTime
	knownDuration
	knownAny // any value
	knownWrapper
)

var known = map[protoreflect.FullName]knownKind{
	"google.protobuf.Timestamp": knownTime, "google.protobuf.Duration": knownDuration,
	"google.protobuf.Struct": knownAny, "google.protobuf.Value": knownAny, "google.protobuf.ListValue": knownAny,
	"google.protobuf.BoolValue": knownWrapper, "google.protobuf.Int32Value": knownWrapper, "google.protobuf.Int64Value": knownWrapper,
	"google.protobuf.UInt32Value": knownWrapper, "google.protobuf.UInt64Value": knownWrapper, "google.protobuf.FloatValue": knownWrapper,
	"google.protobuf.DoubleValue": knownWrapper, "google.protobuf.StringValue": knownWrapper, "google.protobuf.BytesValue": knownWrapper,
}

// called is how messages call what a value of a field is.
func called(f protoreflect.FieldDescriptor) string {
	what := f.Kind().String()
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		what = string(f.Message().FullName())
	case protoreflect.EnumKind:
		what = "the enum " + string(f.Enum().FullName())
	}
	return what
}

// calledAll is called of all values of a field.
func calledAll(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return fmt.Sprintf("map<%s, %s>", called(f.MapKey()), called(f.MapValue()))
	case f.IsList():
		return "repeated " + called(f)
	}
	return called(f)
}
