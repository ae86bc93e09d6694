// Package lint finds what is wrong or unsafe in the config files of Piko
// agents, and says where.
//
// A [Checker] is built once. For each file it goes one way:
//
//	bytes ─schemas.ParseDocument▶ Document ─Checker.Check▶ *Report ─Reporter▶ text, JSON, SARIF …
//
// [Checker.Check] first settles the tier, then asks what the real agent would
// say ([Piko]), and then hands one [Pass] to each [Rule] of the table that
// [Rules] returns. Rules keep no state; what they learn and what they report
// lives in the pass. How bad a finding is stands in the table, per tier, and
// in the policy: no rule asks for the tier.
//
// A finding may be put up with for a while: by a comment in the file, by a
// [Baseline], or because it is no news ([Since]). The report keeps those apart,
// and [Report.Refusals] counts them all, so that nothing is loaded for that.
// [Checker.Fix] mends what has a [Fix].
//
// Nothing here does input or output, knows the time or ends the process.
// Files that a config names are read by a function that the caller gives; the
// exit status is the caller's decision, from a [Summary].
//
// No message, hint or report contains a value from a config, which may be a
// secret. Names of keys, endpoint ids and paths of TLS files are the
// exceptions, and in the line that a [Snippet] shows, values that look like
// nothing that could be one. Where a variable was put in, all of these appear
// as in the file.
package lint
