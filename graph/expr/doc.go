// Package expr is the expression language of flows: `delay > 15 && origin == "SFO"`
// in a filter, `round(price * qty, 2)` in a map, `mean(delay)` in a group.
//
// Terms. A Text is what somebody wrote, with its place in a file. Check turns it
// into an Expr, which is typed and cannot be wrong any more. Compile turns that
// into a Program, which computes it for the rows of a record.Batch: row by row
// with closures, or a column at a time with kernels. An AggExpr is an expression
// over many rows, split into its aggregates and what is computed from their
// results.
//
//	var list diag.List
//	e := expr.Check(text, flight, &list)             // all problems at once
//	e.Want(types.Bool.Opt(), "where", &list)
//	p := e.Compile()                                 // one for each worker
//	sel = p.Filter(batch, sel[:0], &errs)            // the rows for which it is true
//
// Laws.
//  1. What Check has accepted cannot go wrong but by the values of a row: overflow,
//     division by zero, text that is no number. Such a row is reported with its
//     error and harms no other row.
//  2. What a type says cannot be null is not null.
//  3. Closures are the reference. Kernels give the same values, the same nulls and
//     the same errors; which of the two computes an expression is a matter of speed.
//  4. An operand that is not needed is not computed, so its errors do not count: the
//     right side of &&, || and ??, the branch of ?: that is not taken.
//  5. Text, nesting, parts, list items and computed text are bounded: no expression
//     can exhaust a worker.
//
// Names are the fields of the record; where items are no records, there is one
// name, item. A name with spaces or signs stands between backquotes. null and nil
// are the same. The syntax is that of expr-lang, whose parser is used: operators,
// lists [a, b], records {a: x}, x[0], x[1:3], x.name, pipes, `let x = ...; ...`,
// `if c {a} else {b}`, # for the item in functions over lists.
//
// What it means:
//
//	null in arithmetic, comparison, function   null; the type has a ?
//	&&  ||  !                                  three-valued: false && null is false, !null is null
//	a filter                                   lets pass what is true, not what is null
//	x == null, x != null                       true or false; takes the ? from x where it holds
//	x ?? y                                     y where x is null; errors stay errors
//	c ? x : y                                  y where c is not true
//	try(x)                                     null where x fails
//	int + - * and -x                           checked: overflow is an error
//	int / int, x ** y                          float; by zero, or not finite: an error
//	int % int                                  sign of the left side; by zero: an error
//	int with float                             the int becomes a float
//	float, where NaN or infinite               an error of the operation that made it
//	time - time, duration + - duration         duration
//	time + - duration                          time
//	duration * / number, duration / duration   duration, float
//	decimal + - decimal of one scale           decimal; decimal * int too; for all else float(x)
//	enum with a text that is not of it         an error of the check
//	different types compared                   an error of the check
//	c ? x : y, [x, y], x ?? y                  the least type that holds both
//	x in list                                  null in the list is never x
//	list[i], text[i]                           null outside; -1 is the last
//	list[i:j], text[i:j]                       clipped; text counts characters
//	any                                        x.name and x[0] give any; compute after int(x), float(x), ...
//	lists and records with == and !=           item by item; null equals null inside them
//
// A Text that spans lines, comments (/* */), raw strings (r"\d+") and 0x, 0o and 0b
// numbers are allowed. Functions lists the functions, Operators the operators in the
// order in which they bind, which is that of expr-lang but for ??: it binds weaker
// than || and tighter than a pipe and ?:.
package expr
