// Package logdb asks log databases what they know: how often each combination
// of field values occurs in a window of time, and when. Nothing of an answer
// is believed before all of it was read and understood; whatever a server or a
// profile does to make an answer smaller in silence is overridden or refused.
//
// Nothing is dialled but the address that was given, and no answer is followed
// elsewhere.
package logdb
