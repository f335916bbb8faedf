package mqtt

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/eclipse/paho.golang/packets"

	"github.com/flowrun/flowrun/nodes"
)

// This file is what `flowrun doctor` asks.

// doctorID is added to a client id: the flow may run meanwhile, and keeps its session.
const doctorID = ".doctor"

// examine begins a session that nothing is kept of, and lets look further.
func (l *Link) examine(ctx context.Context, env *nodes.Env, handle handler, look func(w *wire) []nodes.Finding) []nodes.Finding {
	f := nodes.Finding{Peer: l.URL.String(), What: "connection"}
	begun := time.Now()
	w, err := l.open(ctx, env, session{id: l.clientID(env) + doctorID, clean: true}, handle)
	if f.Took, f.Err = time.Since(begun), err; err != nil {
		return []nodes.Finding{f}
	}
	defer w.close()
	f.Told = fmt.Sprintf("MQTT 5, up to QoS %d", w.qos)
	if w.largest < mostPacket {
		f.Told += fmt.Sprintf(", messages up to %d bytes", w.largest)
	}
	found := append([]nodes.Finding{f}, look(w)...)
	for i := range found {
		found[i].Peer = f.Peer
	}
	return found
}

// Examine implements nodes.Examiner. A subscription of the session that nothing is kept of
// takes nothing from anybody; one that is shared would, so it is not tried.
func (k *reader) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	r := &receiver{i: &inlet{k: k, env: env}, suback: make(chan *packets.Suback, 1)}
	handle := func(w *wire, p packets.Packet) error {
		if _, ok := p.(*packets.Publish); ok {
			return nil
		}
		return r.take(w, p)
	}
	return k.examine(ctx, env, handle, func(w *wire) (found []nodes.Finding) {
		r.w = w
		var alone []string
		for _, t := range k.Topics {
			if !strings.HasPrefix(t, sharePrefix) {
				alone = append(alone, t)
				continue
			}
			f := nodes.Finding{What: "topic " + t, Told: "shared, so it is not subscribed to"}
			if available := w.props.SharedSubAvailable; available != nil && *available == 0 {
				f.Err = &refusal{what: "the topic " + t, code: noShared}
			}
			found = append(found, f)
		}
		if len(alone) == 0 {
			return found
		}
		f := nodes.Finding{What: "topics", Told: strings.Join(alone, ", "), Err: r.subscribe(ctx, alone, packets.RetainDoNotSend)}
		return append(found, f)
	})
}

// Examine implements nodes.Examiner.
func (k *writer) Examine(ctx context.Context, env *nodes.Env) []nodes.Finding {
	return k.examine(ctx, env, func(*wire, packets.Packet) error { return nil }, func(w *wire) []nodes.Finding {
		if err := k.refused(w); err != nil {
			return []nodes.Finding{{What: "settings", Err: err}}
		}
		return nil
	})
}

var (
	_ nodes.Examiner = (*reader)(nil)
	_ nodes.Examiner = (*writer)(nil)
)
