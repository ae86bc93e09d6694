# Every target is one or two lines; what is longer is a Go test or a script in .ci.

VERSION  := $(or $(shell git describe --tags --always --dirty 2>/dev/null),dev)
FUZZTIME   ?= 30s
ORACLETIME ?= 30s
COUNT      ?= 10

# The linter is built once per version and needs no place on the PATH.
LINT_VERSION := v2.15.0
LINTER       := $(CURDIR)/.bin/$(LINT_VERSION)/golangci-lint

# The race detector needs cgo, and cgo needs a C compiler.
RACE = $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v $(firstword $(shell go env CC)) >/dev/null && echo -race)

# Many tests only wait for something, so four run side by side also where there
# are two processors.
PARALLEL = $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n > 4 ? n : 4)))

# Tests that go through very many cases one after the other, or kill processes:
# with the race detector they take some five times as long, and nothing runs
# beside what they check, but for the sort of a fold. So they run without it, in
# every package that has one of them, and all other tests run with it.
PLAIN    := Test(ActsSurviveKills|ScanSurvivesKills|Canary[A-Za-z]*|CasesInOtherEncodings|Places[A-Za-z]*|RolloutDecodes|DamagedScans|EValueIsHonest|GateTLSAndFailures|GateRoomChangesNothing|OneByteOfInputIsCaught|RefusedAgreesWithDraws)
PLAIN_IN  = $(shell grep -rlwE --include='*_test.go' --exclude-dir=testdata '^func $(PLAIN)' . | xargs dirname | sort -u)

.DEFAULT_GOAL := help
.PHONY: help build demo test check fmt fmt-check vet lint update fuzz oracle bench bench-lint bench-logs bench-migrate bench-verify bench-piko bench-run soak sim sim-full sim-fleet itest-report itest-deploy itest-apollo itest-logs compat compat-piko figures full cover clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/lockstep, static and reproducible
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o bin/lockstep ./cmd/lockstep

demo: ## show the whole loop on this machine: lint, observe, plan, enforce, step back
	go run ./cmd/demo

# Where it is not told otherwise, each process with the race detector waits a
# second before it exits, and the scripts start some seven hundred.
test: export GORACE = atexit_sleep_ms=10
test: ## run all tests in random order, with the race detector where there is a C compiler; those in PLAIN without it
	@[ -n '$(RACE)' ] || echo 'no C compiler or no cgo: testing WITHOUT the race detector'
	$(if $(RACE),,CGO_ENABLED=0 )go test $(RACE) -parallel $(PARALLEL) -shuffle=on -skip '^$(PLAIN)$$' ./...
	$(if $(RACE),,CGO_ENABLED=0 )go test -shuffle=on -run '^$(PLAIN)$$' $(PLAIN_IN)

check: fmt-check vet lint test ## all that a change must pass

fmt: $(LINTER) ## format all Go files
	$(LINTER) fmt

fmt-check: $(LINTER) ## fail if a Go file is not formatted
	$(LINTER) fmt --diff

vet: ## run go vet
	go vet ./...

lint: $(LINTER) ## check the linter's configuration, then the code
	$(LINTER) config verify
	$(LINTER) run

update: ## rewrite the golden files; read the difference before you commit it
	UPDATE=1 go test ./...

fuzz: ## run all fuzz targets, FUZZTIME (30s) together
	FUZZTIME=$(FUZZTIME) .ci/fuzz

oracle: ## fuzz lint's verdicts against the code of the real agent for ORACLETIME (30s)
	FUZZTIME=$(ORACLETIME) .ci/fuzz testdata/oracle/piko

bench: ## run all benchmarks COUNT (10) times, for benchstat
	go test -run '^$$' -bench . -benchmem -count $(COUNT) ./...

bench-lint: ## time lint beside kubeconform and actionlint, and hold it to its limits
	go run -C testdata/bench/lint .

sim: ## judge 40,000 simulated apps by the shipped gate and hold it to its figures
	SIM=1 go test -count=1 -v -timeout 1h -run '^TestSim$$' ./migrate

sim-full: ## the same, and with a look each hour
	SIM=full go test -count=1 -v -timeout 2h -run '^TestSim$$' ./migrate

bench-logs: ## time migrate evidence beside DuckDB on 1.4 GB, and hold its memory; BENCH=short takes less. Needs cgo
	go run -C testdata/bench/logs . $(LOGS)

sim-fleet: ## plan a simulated rollout of 1,000 nodes with 10,000,000 clients, and say what that takes
	SIM_NODES=$${SIM_NODES:-1000} SIM_CLIENTS=$${SIM_CLIENTS:-10000000} go test -count=1 -timeout 60m -v -run 'TestFleetSimulation' ./cmd/lockstep

bench-migrate: ## time migrate evidence beside jq, and hold its speed and memory to their limits
	go run -C testdata/bench/migrate .

bench-verify: ## time the verification of a line of an access log beside a bare HMAC of it
	go run -C testdata/bench/verify .

bench-run: ## compare CPU time per proxied request with nginx and Caddy; BENCH=short does without Caddy
	go run -C testdata/bench/run .

soak: ## reload under clients that never retry, beside nginx and HAProxy; SOAK='-reloads 50' is shorter
	go run -C testdata/bench/reload . $(SOAK)

itest-report: ## look at a report in headless Chromium; SHOTS=DIR keeps pictures of it
	go test -C testdata/browser -count=1 $(if $(SHOTS),-artifacts -outputdir '$(abspath $(SHOTS))') .

itest-deploy: ## check alert rules and dashboard by promtool
	.ci/deploy

itest-apollo: ## rehearse a rollout on Apollo: stand-ins for its services, MariaDB from Debian
	.ci/apollo

itest-logs: ## ask real log databases, and fail them, beside their files; FULL=1 has 2 million lines
	.ci/logs

compat: ## run real clients of Apollo, from npm and for Go, against lockstep; FULL=1 leaves them idle for a minute
	.ci/compat

bench-piko: ## compare our agent with Piko's own: CPU, requests, 1,000 listeners; it fails over its limits
	go test -C testdata/compat-piko -run '^$$' -bench . -benchtime 1x .

compat-piko: ## hold our agent and Piko's own against a real Piko server; FULL=1 has polls of 90 s
	go vet -C testdata/compat-piko ./... && go test -C testdata/compat-piko -count=1 -parallel 8 .

figures: ## print the figures of the house and their limits
	@go test -count=1 -v -run '^TestHouseFigures$$' ./cmd/lockstep

full: export FULL = 1
full: FUZZTIME = 10m
full: ORACLETIME = 1000000x
full: test fuzz oracle bench bench-lint bench-logs bench-migrate bench-verify bench-piko bench-run soak sim-full sim-fleet demo itest-report itest-deploy itest-apollo itest-logs compat compat-piko ## every figure at full size: FULL=1 for the tests, FUZZTIME=10m

cover: ## measure the coverage of all packages by all tests
	@mkdir -p bin && go test -coverpkg=./... -coverprofile=bin/cover.out ./...
	@go tool cover -func=bin/cover.out | tail -n 1

clean: ## remove what was built, but not the linter
	rm -rf bin

$(LINTER):
	GOBIN=$(@D) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT_VERSION)
