// Package http is the pack of kinds that talk HTTP. The way out: http.call asks a server
// for each item, http.post sends it batches, http.poll reads from it. The way in: http.listen
// takes items, and http.reply answers them.
//
// Terms. A request is one exchange with a server; a try is one request of several that are
// made for the same item, batch or page. A request is idempotent if it may be made twice:
// by its method, or because it carries a key by which the server knows it again.
//
// Laws, beyond those of package nodes.
//  1. Connections are made by Env.Dial alone, those of a redirect too, and used again.
//     Nothing is read from the environment unless `proxy: env` says so.
//  2. Nothing is unbounded: a request has a timeout, an answer has max_body bytes at most
//     once it is unpacked, redirects are three.
//  3. What may have arrived is not sent again, unless the request is idempotent.
//  4. A request that was taken is answered once: by whoever takes it out of the open ones.
//  5. How a server is addressed may be secret: an address is shown without its query, the
//     page of a poll by its number, and what a server answers without the secrets of the
//     settings.
package http
