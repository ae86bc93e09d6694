// Package migrate decides when a mode may take its next step, and takes it.
//
//	log files ─Source▶ Block ─Dialect▶ Event ─Fold▶ Evidence ─NewPlan▶ Plan ─Apply▶ rollout file
//
// [Files] reads blocks of lines, a [Dialect] says what each means, in parallel,
// and a [Fold] merges them into [Evidence]: who called, whether the check
// passed, and how much of the log is missing. Tallies are kept in memory and
// sorted runs, or in an SQLite file. [NewPlan] is pure: the same inputs give the same plan,
// byte for byte, and no or incomplete data is never a pass. [Apply] and
// [Rollback] edit the rollout file in place and keep a [Journal] beside it,
// written ahead, so that both may be killed at any point.
package migrate
