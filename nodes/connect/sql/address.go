package sql

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/flowrun/flowrun/graph/config"
	"github.com/flowrun/flowrun/nodes"
)

// This file takes the setting url apart.

// A dialect is the language of a database, with what comes of it.
type dialect uint8

const (
	sqlite dialect = iota
	postgres
	mysql // and MariaDB
)

// String is the name of the database for messages.
func (d dialect) String() string {
	return [...]string{"SQLite", "PostgreSQL", "MySQL"}[d]
}

// quote writes a name, such as that of a column.
func (d dialect) quote(name string) string {
	if d == mysql {
		return "`" + strings.ReplaceAll(name, "`", "``") + "`"
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// quoteTable writes the name of a table, which may have that of its schema before it.
func (d dialect) quoteTable(name string) string {
	parts := strings.Split(name, ".")
	for i, p := range parts {
		parts[i] = d.quote(p)
	}
	return strings.Join(parts, ".")
}

// placeholder writes the i-th parameter of a statement, from 1.
func (d dialect) placeholder(i int) string {
	if d == postgres {
		return fmt.Sprintf("$%d", i)
	}
	return "?"
}

// An address says where a database is.
type address struct {
	dialect
	shown  string     // without secrets
	path   string     // of SQLite; "": in memory
	params url.Values // of SQLite and MySQL
	url    *url.URL   // of the servers
}

// inMemory is the path of a SQLite database that has no file.
const inMemory = ":memory:"

var errAddress = errors.New("it is no address of a database; write sqlite:shop.db, postgres://user@host/database or mysql://user@host/database")

// addressOf reads an address. The error does not repeat it, for it may hold a password.
func addressOf(u config.URL) (address, error) {
	a := address{shown: u.String()}
	text := u.Reveal()
	switch u.Scheme() {
	case "sqlite":
		a.dialect = sqlite
		path, params, _ := strings.Cut(text[len("sqlite:"):], "?")
		a.path = strings.TrimPrefix(path, "//")
		var err error
		if a.params, err = url.ParseQuery(params); err != nil {
			return a, errors.New("the parameters of its url cannot be read")
		}
		for name := range a.params {
			if name != "journal" {
				return a, fmt.Errorf("sqlite has no parameter %q; there is journal=delete, and what is a PRAGMA goes into the setting init", name)
			}
		}
		if j := a.params.Get("journal"); j != "" && j != "wal" && j != "delete" {
			return a, fmt.Errorf("journal is wal or delete, got %q", j)
		}
		switch a.path {
		case "":
			return a, errAddress
		case inMemory:
			a.path = ""
		}
		return a, nil
	case "postgres", "postgresql":
		a.dialect = postgres
	case "mysql", "mariadb":
		a.dialect = mysql
	default:
		return a, errAddress
	}
	var err error
	if a.url, err = url.Parse(text); err != nil || a.url.Opaque != "" {
		return a, errors.New("its url cannot be read; characters such as @, / and # in a password are written as %40, %2F and %23")
	}
	a.params = a.url.Query()
	return a, nil
}

// mayOpen reports by an error whether the flow may open databases.
func mayOpen(env *nodes.Env) error {
	if env.Flow.Enclosed() {
		return fmt.Errorf("it opens no database: %w", nodes.ErrEnclosed)
	}
	return nil
}
