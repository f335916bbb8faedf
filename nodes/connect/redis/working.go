package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	client "github.com/redis/go-redis/v9"

	"github.com/flowrun/flowrun/nodes/message"
)

// This file has working lists: whose they are, and how they change hands.
//
// A working list belongs to one session, whose token is in its name, so that nobody else ever
// moves anything into it. Two sorted sets have the names of those of a group:
//
//   - KEY:GROUP:consumers has those that belong to somebody, with the time until which that
//     one counts as alive;
//   - KEY:GROUP:left has those that were taken from their sessions, with the time of that. A
//     session that was paused may move an element into its list after it has lost it, so these
//     are looked at for keptLists longer.
//
// A list is taken, and an element out of it, by scripts, which Redis runs one at a time: whoever
// has lost his list cannot acknowledge any more, however late his command comes. The times are
// those of the clock of Redis.

// keptLists is how long a list that was taken from its session is looked at: longer than a
// connection lives whose other end does not answer.
const keptLists = time.Hour

// now is the part of the scripts that asks for the time, in milliseconds.
const now = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`

var (
	// beginScript makes a working list that has what earlier sessions of the consumer have left,
	// the oldest at the right, and gives that. ARGV: the list, what the names of the consumer's
	// lists begin with, the list of the session that the process had before, the claim, and
	// whether nobody else can be the consumer: else a list is taken only when its session does
	// not count as alive.
	beginScript = client.NewScript(now + `
local consumers, left = KEYS[1], KEYS[2]
local list, names, previous, claim, certain = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local function take(other)
	redis.call('ZADD', left, 'NX', now, other)
	redis.call('ZREM', consumers, other)
	while redis.call('LMOVE', other, list, 'RIGHT', 'LEFT') do end
end
local till = now
if certain == '1' then till = '+inf' end
for _, other in ipairs(redis.call('ZRANGEBYSCORE', consumers, '-inf', till)) do
	if other:sub(1, #names) == names and not other:find(':', #names + 1, true) then take(other) end
end
if previous ~= '' then take(previous) end
redis.call('ZADD', consumers, now + claim, list)
return redis.call('LRANGE', list, 0, -1)
`)

	// aliveScript says that a session is alive, and gives 0 if its list was taken. ARGV: the list,
	// and the claim.
	aliveScript = client.NewScript(now + `
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
return 1
`)

	// ackScript takes the oldest elements out of a list, and gives 0 if it was taken from its session.
	// ARGV: the list, and how many.
	ackScript = client.NewScript(`
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('LTRIM', ARGV[1], 0, -1 - ARGV[2])
return 1
`)

	// reapScript moves what is in the lists of sessions that do not count as alive, and in those
	// that have none, back to the right end of the list KEYS[3], in its order. It gives the name
	// of each that had something, and behind it how much. ARGV: the list
	// of the session that does this, which is alive, and for how many milliseconds a list that has
	// no session is looked at.
	reapScript = client.NewScript(now + `
local consumers, left, key, own = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
for _, list in ipairs(redis.call('ZRANGEBYSCORE', consumers, '-inf', now)) do
	if list ~= own then
		redis.call('ZADD', left, now, list)
		redis.call('ZREM', consumers, list)
	end
end
local moved = {}
for _, list in ipairs(redis.call('ZRANGE', left, 0, -1)) do
	local n = 0
	while redis.call('LMOVE', list, key, 'LEFT', 'RIGHT') do n = n + 1 end
	if n > 0 then
		moved[#moved + 1] = list
		moved[#moved + 1] = n
	end
end
redis.call('ZREMRANGEBYSCORE', left, '-inf', now - ARGV[2])
return moved
`)
)

// errTaken is the error of a session whose working list was taken from it.
var errTaken = fmt.Errorf("it showed no sign of life, and others have what it had taken: %w", message.ErrAnew)

func (s *listSession) consumers() string { return s.i.k.Key + ":" + s.i.group + ":consumers" }
func (s *listSession) left() string      { return s.i.k.Key + ":" + s.i.group + ":left" }

// begin makes the working list, and takes over what earlier sessions of the consumer have left.
func (s *listSession) begin(ctx context.Context) (err error) {
	names := s.i.k.Key + ":" + s.i.group + ":" + s.consumer + ":"
	s.working = names + rand.Text()
	s.own, err = beginScript.Run(ctx, s.acks, []string{s.consumers(), s.left()},
		s.working, names, s.i.working, s.i.k.Claim.Milliseconds(), s.i.certain).StringSlice()
	if err != nil {
		return err
	}
	slices.Reverse(s.own)
	s.i.working = s.working
	return nil
}

// held gives errTaken if the answer of a script is that the list was taken from its session.
func held(answer *client.Cmd) error {
	ours, err := answer.Int()
	if err == nil && ours == 0 {
		return errTaken
	}
	return err
}

// alive tells Redis that the session is alive, and ends one that was thought not to be.
func (s *listSession) alive(ctx context.Context) {
	err := held(aliveScript.Run(ctx, s.acks, []string{s.consumers()}, s.working, s.i.k.Claim.Milliseconds()))
	if errors.Is(err, errTaken) && !s.taken.Swap(true) {
		s.i.env.Log.Warn("the working list was taken from this process, which showed no sign of life for longer than claim, or it is gone: the process begins anew", "list", s.i.k.Key, "consumer", s.consumer)
		s.in.Close() // Receive may wait there
	}
}

// Ack implements message.Receiver: the oldest are at the right end of the working list.
func (s *listSession) Ack(ctx context.Context, tokens []string) error {
	return held(ackScript.Run(ctx, s.acks, []string{s.consumers()}, s.working, len(tokens)))
}

// reap puts back what sessions have taken that are gone.
func (s *listSession) reap(ctx context.Context) error {
	moved, err := reapScript.Run(ctx, s.acks, []string{s.consumers(), s.left(), s.i.k.Key}, s.working, keptLists.Milliseconds()).Slice()
	if err != nil {
		return err
	}
	for i := 0; i+1 < len(moved); i += 2 {
		s.i.env.Log.Info("elements of a consumer that shows no sign of life are put back", "list", s.i.k.Key, "elements", moved[i+1], "from", moved[i])
	}
	return nil
}
