//go:build race

package migrate

// spoilReleased has tests find who still looks at a text that was let go.
const spoilReleased = true
