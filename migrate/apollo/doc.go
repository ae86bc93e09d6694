// Package apollo is what migrate has to know of Apollo itself: the log of its
// config service, the tables and endpoints of its keys, and who its clients
// are. Apollo's own words, such as FILTER and OBSERVER, stay in here.
package apollo
