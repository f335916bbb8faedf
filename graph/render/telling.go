package render

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/flowrun/flowrun/graph/quantity"
	"github.com/flowrun/flowrun/graph/redact"
)

// This file finds the setting that says what a node does.

// telling is the one setting that says what a node does, in a few words: the
// condition of a filter, the path of a file, "by state" for a group. It is the
// first setting, in the order of the kind's author, that has a value and is
// either required or more than a plain scalar, whose value is a matter of degree.
// A secret shows itself as "[secret]", and a setting that only sounds like one is passed
// over; an address is without its password.
func telling(config any) string {
	v := reflect.ValueOf(config)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return ""
	}
	return strings.Join(strings.Fields(firstTelling(v.Elem())), " ")
}

func firstTelling(v reflect.Value) string {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		tag := field.Tag.Get("yaml")
		name, option, _ := strings.Cut(tag, ",")
		if field.Anonymous && tag == "" && value.Kind() == reflect.Struct {
			if text := firstTelling(value); text != "" {
				return text
			}
			continue
		}
		phrase := slices.Contains([]string{"by", "on", "every"}, name) // reads well with its name
		if !field.IsExported() || name == "" || name == "-" || value.IsZero() || option != "required" && !phrase && isPlain(field.Type) {
			continue
		}
		if text := valueText(value, listSeparator(name)); text != "" && redact.Setting("with."+name, text) != redact.Mask {
			if phrase {
				text = name + " " + text
			}
			return text
		}
	}
	return ""
}

// isPlain tells booleans, numbers, durations and strings, optional or not.
func isPlain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer:
		return isPlain(t.Elem())
	case reflect.Slice, reflect.Map, reflect.Struct, reflect.Interface:
		return false
	}
	return true
}

// listSeparator joins the arguments of a command as in a shell.
func listSeparator(name string) string {
	switch name {
	case "command", "args", "argv":
		return " "
	}
	return ", "
}

// valueText writes a value; what it does not know is "".
func valueText(v reflect.Value, separator string) string {
	if v.CanInterface() {
		switch x := v.Interface().(type) {
		case time.Duration:
			return quantity.Format(x)
		case fmt.Stringer:
			if v.Kind() != reflect.Pointer || !v.IsNil() {
				return withoutPassword(x.String())
			}
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && isPlain(v.Type()) {
			return valueText(v.Elem(), separator)
		}
	case reflect.String:
		return withoutPassword(v.String())
	case reflect.Slice:
		var parts []string
		for i := range v.Len() {
			if part := valueText(v.Index(i), separator); part != "" {
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, separator)
	case reflect.Struct:
		return structText(v)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return fmt.Sprint(v.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprint(v.Uint())
	case reflect.Float32, reflect.Float64:
		return fmt.Sprint(v.Float())
	}
	return ""
}

// structText writes a text that knows its place as the text, an entry of a
// mapping by its key, and a pair of texts as "left = right", once if they are
// the same.
func structText(v reflect.Value) string {
	value := v.FieldByName("Value")
	if key := v.FieldByName("Key"); key.Kind() == reflect.String && value.IsValid() {
		return key.String()
	}
	if value.Kind() == reflect.String {
		return withoutPassword(value.String())
	}
	var parts []string
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.String || f.Kind() == reflect.Struct {
			if text := valueText(f, ", "); text != "" && !slices.Contains(parts, text) {
				parts = append(parts, text)
			}
		}
	}
	return strings.Join(parts, " = ")
}

// withoutPassword hides what a drawing must not give away. Of an address it
// leaves out the query, which often holds a token, and what looks like another
// form of a login is not shown at all.
func withoutPassword(text string) string {
	if u, err := url.Parse(text); err == nil && u.Scheme != "" && u.Host != "" {
		u.RawQuery, u.Fragment = "", ""
		return redact.Text(u.String())
	}
	shown := redact.Text(text)
	if user, _, ok := strings.Cut(text, "@"); ok && strings.Contains(user, ":") && shown == text {
		return ""
	}
	return shown
}
