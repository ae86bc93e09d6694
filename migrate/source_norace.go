//go:build !race

package migrate

const spoilReleased = false
