module lockstep/testdata/bench/reload

go 1.26.0

require (
	github.com/gorilla/websocket v1.5.3
	golang.org/x/net v0.49.0
)

require golang.org/x/text v0.33.0 // indirect
