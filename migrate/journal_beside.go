package migrate

// JournalOf reads the journal beside a rollout file, as [VerifyJournal] does.
func JournalOf(rollout string) (*Journal, error) { return VerifyJournal(journalPath(rollout)) }
