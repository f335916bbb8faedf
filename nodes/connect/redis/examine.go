package redis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/flowrun/flowrun/nodes"
	"github.com/flowrun/flowrun/nodes/peer"
)

// This file is what `flowrun doctor` asks.

// examine connects, says which version answers, how far its clock is off and how well it keeps
// what it confirms, and looks further.
func (l *Link) examine(ctx context.Context, env *nodes.Env, look func(c *conn, found func(what, told string, err error))) []nodes.Finding {
	var all []nodes.Finding
	found := func(what, told string, err error) {
		all = append(all, nodes.Finding{Peer: l.URL.String(), What: what, Told: told, Err: l.advised(err)})
	}
	begun := time.Now()
	c, err := l.open(ctx, env, "")
	if err != nil {
		found("connection", "", err)
		return all
	}
	defer c.Close()
	info, err := c.Info(ctx, "server").Result()
	if is(err, "NOPERM") {
		err = nil
	}
	found("connection", "Redis "+infoOf(info, "redis_version"), err)
	all[0].Took = time.Since(begun)
	if clock, err := c.Time(ctx).Result(); err == nil {
		skew := time.Until(clock)
		f := nodes.Finding{Peer: l.URL.String(), What: "clock", Told: fmt.Sprintf("%s ahead", skew.Round(time.Millisecond)), Skew: skew}
		if skew > time.Minute || skew < -time.Minute {
			f.Err = fmt.Errorf("it is %s off", skew.Abs().Round(time.Second))
		}
		all = append(all, f)
	}
	if kept := keeps(ctx, c); kept != "" {
		found("keeps", kept, nil)
	}
	look(c, found)
	return all
}

// infoOf gives a value of the answer to INFO.
func infoOf(info, name string) string {
	for line := range strings.SplitSeq(info, "\r\n") {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return value
		}
	}
	return ""
}

// keeps says what a machine that fails would lose; "" if the user may not ask.
func keeps(ctx context.Context, c *conn) string {
	settings, err := c.ConfigGet(ctx, "append*").Result()
	if err != nil {
		return ""
	}
	switch {
	case settings["appendonly"] != "yes":
		return "what is in the last snapshot (appendonly no)"
	case settings["appendfsync"] == "always":
		return "all that it confirms (appendfsync always)"
	}
	return "all but up to a second, if the machine fails (appendfsync " + settings["appendfsync"] + ")"
}

// typed looks whether a key is of a type, or not there.
func typed(ctx context.Context, c *conn, key, want string) (told string, err error) {
	got, err := c.Type(ctx, key).Result()
	switch {
	case err != nil:
		return "", err
	case got == "none":
		return "not there yet", nil
	case got != want:
		return "", peer.Hinted(fmt.Errorf("it is a %s, and no %s", got, want), "look at key and mode")
	}
	return "a " + want, nil
}

// Examine implements nodes.Examiner.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(c *conn, found func(what, told string, err error)) {
		if k.Mode == modePubSub {
			return
		}
		told, err := typed(ctx, c, k.Key, k.Mode)
		found(k.Mode+" "+k.Key, told, err)
		if err != nil || k.Mode != modeStream {
			return
		}
		group := k.Group
		if group == "" {
			group = env.Flow.Name
		}
		groups, err := c.XInfoGroups(ctx, k.Key).Result()
		if is(err, "ERR no such key") {
			return
		}
		told = "not there yet; it would begin with the " + k.Start + " entry"
		for _, g := range groups {
			if g.Name == group {
				told = fmt.Sprintf("%d pending", g.Pending)
				if g.Lag >= 0 { // Redis does not always know
					told = fmt.Sprintf("%d wait, %s", g.Lag, told)
				}
			}
		}
		found("group "+group, told, err)
	})
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(c *conn, found func(what, told string, err error)) {
		if k.Mode == modePubSub {
			return
		}
		told, err := typed(ctx, c, k.Key, k.Mode)
		found(k.Mode+" "+k.Key, told, err)
	})
}

var (
	_ nodes.Examiner = (*reader)(nil)
	_ nodes.Examiner = (*writer)(nil)
)
