package render

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// telling is the one setting that says what a node does, in a few words: the
// condition of a filter, the path of a file, "by state" for a group. It is the
// first setting that has a value and is either required or more than a plain
// scalar, whose value is a matter of degree: what the author of the kind puts
// first. A secret shows itself as "[secret]", an address without its password.
func telling(config any) string {
	v := reflect.ValueOf(config)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return ""
	}
	return firstTelling(v.Elem())
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
		if !field.IsExported() || name == "" || name == "-" || value.IsZero() || option != "required" && isPlain(value) {
			continue
		}
		if text := settingText(name, value); text != "" {
			return text
		}
	}
	return ""
}

// isPlain tells booleans, numbers, durations and plain strings.
func isPlain(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Struct, reflect.Pointer, reflect.Interface:
		return false
	}
	return true
}

// settingText is the value, after the setting's name where that is a preposition.
func settingText(name string, v reflect.Value) string {
	text := valueText(name, v)
	switch name {
	case "by", "on", "every":
		if text != "" {
			return name + " " + text
		}
	}
	return text
}

func valueText(name string, v reflect.Value) string {
	if !v.CanInterface() {
		return ""
	}
	switch x := v.Interface().(type) {
	case time.Duration:
		return shortDuration(x)
	case fmt.Stringer:
		return x.String()
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return valueText(name, v.Elem())
	case reflect.String:
		return withoutPassword(v.String())
	case reflect.Slice:
		return listText(name, v)
	case reflect.Struct:
		return structText(name, v)
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return fmt.Sprint(v.Interface())
	}
	return ""
}

func listText(name string, v reflect.Value) string {
	var parts []string
	for i := range v.Len() {
		if part := valueText(name, v.Index(i)); part != "" {
			parts = append(parts, part)
		}
	}
	switch name {
	case "command", "args", "argv":
		return strings.Join(parts, " ")
	}
	return strings.Join(parts, ", ")
}

// structText writes an entry of a mapping by its key, with the value where it is
// a name: "origin = iata" for what a join compares. Of any other struct it writes
// its own first telling setting.
func structText(name string, v reflect.Value) string {
	if key, value := v.FieldByName("Key"), v.FieldByName("Value"); key.Kind() == reflect.String && value.IsValid() {
		if name != "on" {
			return key.String()
		}
		return key.String() + " = " + valueText(name, value)
	}
	return firstTelling(v)
}

// shortDuration leaves out zeros at the end: 1m, not 1m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// withoutPassword hides what a drawing must not give away. Of an address it
// leaves out the query, which often holds a token, and what looks like another
// form of a login is not shown at all.
func withoutPassword(text string) string {
	if u, err := url.Parse(text); err == nil && u.Scheme != "" && u.Host != "" {
		u.RawQuery, u.Fragment = "", ""
		return u.Redacted()
	}
	if user, _, ok := strings.Cut(text, "@"); ok && strings.Contains(user, ":") || strings.Contains(strings.ToLower(text), "password=") {
		return ""
	}
	return text
}
