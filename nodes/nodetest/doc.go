// Package nodetest is for the tests of kinds. A kit runs flows with the kinds of some
// packs, yours among them; it is all of the engine that such a test needs.
//
//	var kit = nodetest.New(std.Nodes, geo.Nodes)
//
// First, what every kind must keep. This runs the example of each declaration in many
// ways, stops and kills it, and looks at what it leaves behind:
//
//	func TestKinds(t *testing.T) { kit.Conform(t, geo.Nodes...) }
//
// Then what the kind is for. A node of it between two files is one line; a whole flow is
// checked in the same way, and so is what is refused:
//
//	func TestNear(t *testing.T) {
//		kit.CheckOne(t, "{km: int}", "geo.near", "{within: 10}", `{"km":9}`+"\n"+`{"km":11}`+"\n", `{"km":9}`+"\n")
//		kit.Check(t, flow, map[string]string{"places.csv": places}, map[string]string{"near.csv": want})
//		kit.Refuse(t, nodetest.One("{km: int}", "geo.near", "{within: -1}"), nil, "within", "at least 0")
//	}
//
// Run tells more: the error of a run, its report, its folder, what was logged. In a bubble
// of testing/synctest an hour takes no time and every moment is exact:
//
//	synctest.Test(t, func(t *testing.T) {
//		r := kit.Run(t, flow, nil, nodetest.Setup{Begun: func(stop func()) { time.AfterFunc(time.Hour, stop) }})
//		if r.Err != nodetest.ErrStopped || r.Report.Took != time.Hour {
//			t.Error(r.Told())
//		}
//	})
//
// Sources and sinks that only a test wants are kinds too: kit.With(pack) has them beside
// the others. Seen is such a sink, which is looked at while the flow runs: Start runs one on a
// goroutine of its own.
//
// Terms. A setup is a number of workers, a size of batches and a capacity of
// queues, or the serial run, which is one goroutine and one item at a time. An
// output is a file that a flow wrote, by its path in the folder of the flow;
// standard output is "-".
//
// Laws that Conform checks.
//  1. The kind, its ports and its settings are documented in sentences, and it
//     states when it emits, waits, ends and fails.
//  2. It has an example. An example loads without any problem and writes what it
//     says, no more and no less.
//  3. Outputs are the same under every setup. If a kind in the flow says that it
//     interleaves, their lines are the same but for the order.
//  4. With sources that give nothing the flow ends, and well.
//  5. A flow that is killed, at any time, returns within a second; one that is stopped
//     ends, and gives ErrStopped if one of its sources was cut short. Neither
//     leaves an output behind, and files that were there stay as they were. A stopped flow
//     whose sources have come to their end, or have none, ends well.
//  6. The books balance, no goroutine is left, every worker is closed, and unless the
//     flow was killed every reference to data is given back. Released memory is
//     poisoned, so that whoever reads it shows it.
//  7. The methods of its operator are those that the engine looks for: see
//     nodes.PartsOf.
//  8. A source that gives positions goes on at each of them, as a fresh operator, with
//     what came after it. One that has come to its end says so again, also after a stop.
//  9. An operator that keeps state (nodes.Stateful) and was loaded by a fresh one goes on
//     as if nothing had happened, wherever it was saved. What Save gives writes the
//     state of that moment, also when it writes later.
//  10. A declaration says what its operator does with what is acknowledged, and an
//     operator does what its declaration says: Taken and Acks; what is committed at the
//     end alone and Withholds; Held and Returns. What is held is never more than what was
//     given, nothing at the end, and nothing comes later of what is not held.
//
// Time is virtual (testing/synctest) in Conform: kinds that wait do not make tests
// slow. Everything else works in any time.
package nodetest
