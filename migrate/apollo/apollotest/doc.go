// Package apollotest stands in for Apollo in tests: config service nodes, the
// admin service and the Portal's OpenAPI around one table of access keys, on
// real sockets and by a clock that the test moves.
//
// All of it is own code, written from what is known of Apollo 2.3 to 3.0 and
// from what a real 2.5.2 answers. It does not use internal/accesskey, so that
// the two can be held against each other. "Unverified" in a comment marks what
// nobody has compared with a real service yet.
package apollotest
