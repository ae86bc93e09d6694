module lockstep/testdata/bench/migrate

go 1.26.0
