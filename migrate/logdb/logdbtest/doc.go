// Package logdbtest has stand-ins of log databases for tests: they answer the
// questions of package logdb from lines in memory, in the words of the real
// ones, and go wrong as those do.
package logdbtest
