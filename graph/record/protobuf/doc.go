// Package protobuf reads messages of Protocol Buffers straight into the columns of batches, and
// writes rows as such messages, by a schema (.proto).
//
// Terms. A slot is a place of the type that is read, with what the schema has there; a target is
// a place of the type that is written, with the field that holds it. A field has presence if the
// format tells whether it was set: those that are optional, in a oneof, or messages.
//
// Laws.
//  1. A value that is none of its type makes its row bad, and so does a message that is cut off.
//     Fields that the schema does not have are passed over, and so are those of another wire
//     type, as all implementations do.
//  2. Nothing is believed that bytes say of their own size: memory is taken for what was read,
//     within bounds.
//  3. A field without presence that is not there has the zero of its type; one with presence is
//     null. Of several values of a field, and of a oneof, the last one counts, though all must
//     be values of it; those of a message are merged. A map that has a key twice, which no implementation writes, is bad.
//  4. Texts are views of the message that they came in.
//  5. The zero of a field without presence is not written, fields are written in the order of
//     their numbers: one row is always the same bytes.
//
// A library reads schemas and resolves what they import. Messages are read here, for it makes
// values with pointers of them; only what is read as any, and written from it, goes that way.
package protobuf
