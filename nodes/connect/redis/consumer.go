package redis

import (
	"bufio"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// This file gives a process the name of a consumer that no other one has.

// maxNamesakes bounds how many processes share a group under one name.
const maxNamesakes = 1000

// join connects under the first name of a consumer that is free. A name is in use as long as
// Redis has a connection of that name; of two that take one at the same time the older
// connection has it.
func (i *inlet) join(ctx context.Context) (*conn, string, error) {
	base := i.k.Consumer
	if base == "" {
		base = i.env.Flow.Name + "/" + i.env.Node.ID
	}
	for n := 1; ; n++ {
		consumer := base
		if n > 1 {
			consumer += "-" + strconv.Itoa(n)
		}
		name := "flowrun:" + url.PathEscape(strconv.Itoa(i.k.database())+":"+i.k.Key+":"+i.group+":"+consumer)
		c, err := i.k.open(ctx, i.env, name)
		if err != nil {
			return nil, "", err
		}
		taken, err := i.taken(ctx, c, name)
		switch {
		case err != nil:
			c.Close()
			return nil, "", err
		case !taken:
			if n > 1 {
				i.env.Log.Info("another process has the name of the consumer, so this one has a name of its own", "consumer", consumer)
			}
			return c, consumer, nil
		case n == maxNamesakes:
			c.Close()
			return nil, "", fmt.Errorf("%d processes are consumers of the name %q", n, base)
		}
		c.Close()
	}
}

// taken reports whether an older connection has the name of this one.
func (i *inlet) taken(ctx context.Context, c *conn, name string) (bool, error) {
	own, err := c.ClientID(ctx).Result()
	if err != nil {
		return false, err
	}
	list, err := c.ClientList(ctx).Result()
	if i.certain = err == nil; is(err, "NOPERM") {
		i.env.Log.Warn("the user may not ask for the names of others (CLIENT LIST): if another process has the same consumer, both get the same messages", "consumer", name)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	taken := false
	for lines := bufio.NewScanner(strings.NewReader(list)); lines.Scan(); {
		var id int64
		same := false
		for word := range strings.FieldsSeq(lines.Text()) {
			key, value, _ := strings.Cut(word, "=")
			switch key {
			case "id":
				id, _ = strconv.ParseInt(value, 10, 64)
			case "name":
				same = value == name
			}
		}
		switch {
		case !same || id == own:
		case id == i.last: // that of the session before, of which Redis does not know yet that it is gone
			c.ClientKillByFilter(ctx, "ID", strconv.FormatInt(id, 10))
		case id < own:
			taken = true
		}
	}
	if !taken {
		i.last = own
	}
	return taken, nil
}
