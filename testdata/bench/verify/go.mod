module lockstep/testdata/bench/verify

go 1.26.0
