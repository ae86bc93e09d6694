package migrate

import (
	"encoding/json"
	"math/rand/v2"
	"testing"

	"lockstep/schemas"
)

// Rows are what the library makes of them, whatever is in their texts.
func TestClientRowJSON(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 4))
	alphabet := []rune("ab7.:/-_ \x00\t\n\x1f\"\\\\<>&\x7fäé\u2028\u2029\ufffd😀")
	text := func() string {
		var text []rune
		for range random.IntN(12) {
			text = append(text, alphabet[random.IntN(len(alphabet))])
		}
		if random.IntN(9) == 0 {
			return string(text) + "\xff\xc3"
		}
		return string(text)
	}
	for range 20_000 {
		row := ClientRow{
			Subject: text(), App: text(), Client: text(), How: schemas.How(text()), OK: random.Uint64N(9), Fail: random.Uint64(),
			Reasons: map[schemas.Reason]uint64{}, Days: random.IntN(100) - 1,
			First: utc(random.Int64N(latestMS)), Last: utc(random.Int64N(3) * 1000),
		}
		for range random.IntN(4) {
			row.Reasons[schemas.Reason(text())] = random.Uint64()
		}
		want, err := json.Marshal(row)
		if err != nil {
			t.Fatal(err)
		}
		if got := row.appendJSON(nil); string(got) != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}
