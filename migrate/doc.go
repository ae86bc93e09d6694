// Package migrate decides when a mode may take its next step, and takes it.
//
//	log files ─Source▶ Line ─Dialect▶ Event ─Fold▶ Evidence ─NewPlan▶ Plan ─Apply▶ rollout file
//
// [Files] reads lines, a [Dialect] says what they mean, and a [Fold] merges
// them into [Evidence]: who called, whether the check passed, and how much of
// the log is missing. [NewPlan] is pure: the same inputs give the same plan,
// byte for byte, and no or incomplete data is never a pass. [Apply] and
// [Rollback] edit the rollout file in place and keep a [Journal] beside it,
// written ahead, so that both may be killed at any point.
package migrate
