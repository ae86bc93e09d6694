package schemas

import "hash/fnv"

// InShare reports whether a client is among so many per cent of an app's
// clients. A client keeps its place: who is in a share is in every larger one.
// The app is part of it, or the same clients would be the first everywhere.
func InShare(app, client string, share int) bool {
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(Subject{App: app}.Fold().App + "\x00" + client)) // it never fails
	return int(hash.Sum32()%100) < share
}
