package migrate

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
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
	var encoder clientEncoder
	for i := range 20_000 {
		sum := clientSum{
			subject: strconv.Itoa(i) + text(), app: text(), who: clientKey{text(), schemas.How(text())}, ok: random.Uint64N(9), fail: random.Uint64(),
			days: random.IntN(100) - 1, firstMS: random.Int64N(latestMS+hourMS) - hourMS, lastMS: random.Int64N(3) * 500,
		}
		for n := range random.IntN(4) {
			sum.reasons = append(sum.reasons, reasonCount{schemas.Reason(strconv.Itoa(n) + text()), random.Uint64()})
		}
		want, err := json.Marshal(sum.row())
		if err != nil {
			t.Fatal(err)
		}
		if got := encoder.append(nil, &sum); string(got) != string(want) {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	}
}
