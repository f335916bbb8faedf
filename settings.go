package flowrun

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/graph/diag"
)

// This file writes Go values as the YAML that stands in a flow file.

// yamlOf writes a Go value as YAML: structs and maps as mappings, durations as
// they print. A struct's settings are its fields with a tag `yaml`, as in the struct
// of a kind; those that are zero are left out, so that defaults hold.
func yamlOf(value any, at diag.Span) (*config.Value, error) {
	if value == nil {
		return &config.Value{Kind: config.Null, Span: at}, nil
	}
	return writeValue(reflect.ValueOf(value), at)
}

func writeValue(v reflect.Value, at diag.Span) (*config.Value, error) {
	scalar := func(t config.Type, text string) (*config.Value, error) {
		return &config.Value{Kind: config.Scalar, Type: t, Text: text, Span: at}, nil
	}
	if d, ok := reflect.TypeAssert[time.Duration](v); ok {
		return scalar(config.String, d.String())
	}
	switch v.Kind() {
	case reflect.Bool:
		return scalar(config.Bool, strconv.FormatBool(v.Bool()))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return scalar(config.Int, strconv.FormatInt(v.Int(), 10))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return scalar(config.Int, strconv.FormatUint(v.Uint(), 10))
	case reflect.Float32, reflect.Float64:
		return scalar(config.Float, strconv.FormatFloat(v.Float(), 'g', -1, 64))
	case reflect.String:
		return scalar(config.String, v.String())
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return &config.Value{Kind: config.Null, Span: at}, nil
		}
		return writeValue(v.Elem(), at)
	case reflect.Slice, reflect.Array:
		tree := &config.Value{Kind: config.Sequence, Span: at}
		for i := range v.Len() {
			item, err := writeValue(v.Index(i), at)
			if err != nil {
				return nil, err
			}
			tree.Items = append(tree.Items, item)
		}
		return tree, nil
	case reflect.Map:
		return writeMap(v, at)
	case reflect.Struct:
		return writeStruct(v, at)
	}
	return nil, fmt.Errorf("a %s cannot be written as YAML", v.Type())
}

// writeMap writes the keys in the order of the alphabet.
func writeMap(v reflect.Value, at diag.Span) (*config.Value, error) {
	tree := &config.Value{Kind: config.Mapping, Span: at}
	for it := v.MapRange(); it.Next(); {
		if it.Key().Kind() != reflect.String {
			return nil, fmt.Errorf("a %s cannot be written as YAML: its keys are no strings", v.Type())
		}
		value, err := writeValue(it.Value(), at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", it.Key(), err)
		}
		tree.Entries = append(tree.Entries, config.Entry{Key: it.Key().String(), KeySpan: at, Value: value})
	}
	slices.SortFunc(tree.Entries, func(a, b config.Entry) int { return strings.Compare(a.Key, b.Key) })
	return tree, nil
}

func writeStruct(v reflect.Value, at diag.Span) (*config.Value, error) {
	tree := &config.Value{Kind: config.Mapping, Span: at}
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		if !f.IsExported() || name == "" || name == "-" || v.Field(i).IsZero() {
			continue
		}
		value, err := writeValue(v.Field(i), at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		tree.Entries = append(tree.Entries, config.Entry{Key: name, KeySpan: at, Value: value})
	}
	return tree, nil
}
