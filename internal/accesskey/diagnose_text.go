package accesskey

import (
	"bytes"
	"slices"
	"strings"
)

// maxTarget is the length up to which other targets are tried, Tomcat's own
// limit of a request's head. It bounds what one line can cost.
const maxTarget = 8 << 10

// maxPieces is how many segments of a path, or parameters of a query, are
// left out one by one.
const maxPieces = 12

// A text is what a client may have signed, and the slip that makes it differ
// from what it should have signed.
type text struct {
	cause Cause
	bytes []byte
}

// texts are all that are tried for one request, each once. The first is the
// right one. They stand in one piece of memory, to be used again.
type texts struct {
	stamp string
	made  []text
	arena []byte
	began int
}

// fill makes the texts of a request, the usual first.
func (t *texts) fill(stamp, target string, prefixes []string) {
	t.stamp, t.made, t.arena = stamp, t.made[:0], t.arena[:0]
	t.add(CauseNone, signedTarget(target))
	if len(target) > maxTarget {
		return
	}
	path, query, _ := strings.Cut(target, "?")
	t.queries(path, query)
	t.decodings(path, query)
	t.prefixes(path, query, prefixes)
	t.endpoints(path, query)
	t.encodings(path, query)
	t.paths(path, query)
	t.parameters(path, query)
	t.frames(signedTarget(target))
}

// add adds what stamp and these parts of a target make.
func (t *texts) add(cause Cause, parts ...string) {
	t.begin()
	for _, part := range parts {
		t.arena = append(t.arena, part...)
	}
	t.end(cause)
}

// whole adds a path with the query behind it.
func (t *texts) whole(cause Cause, path, query string) {
	t.add(cause, path, mark(query), query)
}

// mark is what Apollo puts between a path and its query.
func mark(query string) string {
	if query == "" {
		return ""
	}
	return "?"
}

func (t *texts) begin() {
	t.began = len(t.arena)
	t.arena = append(t.arena, t.stamp...)
	t.arena = append(t.arena, '\n')
}

// end keeps what was written since begin, unless it was there before.
func (t *texts) end(cause Cause) {
	written := slices.Clip(t.arena[t.began:])
	for _, other := range t.made {
		if bytes.Equal(other.bytes, written) {
			t.arena = t.arena[:t.began]
			return
		}
	}
	t.made = append(t.made, text{cause, written})
}

// queries leave the query out, or join it in another way: agollo's own begins
// with ?&, which proxies and libraries tidy up.
func (t *texts) queries(path, query string) {
	if query == "" {
		t.add(CauseQueryJoin, path, "?")
		return
	}
	t.add(CauseQueryDropped, path)
	bare := strings.Trim(query, "?&")
	for _, join := range [...]string{"?", "?&", "??", "&", "", "\n"} {
		t.add(CauseQueryJoin, path, join, bare)
	}
	t.add(CauseQueryJoin, path, "?", bare, "&")
	t.add(CauseQueryDropped, path, "?")
}

// decodings are of clients that sign what they have parsed.
func (t *texts) decodings(path, query string) {
	t.begin()
	t.unescape(path, false)
	t.arena = append(t.arena, mark(query)...)
	t.arena = append(t.arena, query...)
	t.end(CauseDecoded)
	for _, plus := range [...]bool{false, true} {
		t.begin()
		t.arena = append(t.arena, path...)
		t.arena = append(t.arena, mark(query)...)
		t.unescape(query, plus)
		t.end(CauseDecoded)
		t.begin()
		t.unescape(path, false)
		t.arena = append(t.arena, mark(query)...)
		t.unescape(query, plus)
		t.end(CauseDecoded)
	}
	t.begin()
	t.unescape(path, false)
	t.end(CauseDecoded) // and without the query
}

// prefixes are lost where a client signs less than it sends, and added where
// a proxy passes on less than was sent.
func (t *texts) prefixes(path, query string, prefixes []string) {
	rest := path
	for range maxPieces {
		slash := strings.IndexByte(rest[min(1, len(rest)):], '/')
		if slash < 0 {
			break
		}
		rest = rest[slash+1:]
		t.whole(CausePrefixLost, rest, query)
	}
	for _, prefix := range prefixes {
		t.add(CausePrefixAdded, prefix, path, mark(query), query)
	}
}

// endpoints are those of Apollo that are taken for each other.
func (t *texts) endpoints(path, query string) {
	files := [...]string{"/configfiles/json/", "/configfiles/raw/", "/configfiles/", "/configs/"}
	for _, is := range files {
		before, after, found := strings.Cut(path, is)
		if !found {
			continue
		}
		for _, other := range files {
			t.add(CauseWrongEndpoint, before, other, after, mark(query), query)
		}
		return
	}
	for _, is := range [...]string{"/notifications/v2", "/notifications"} {
		if before, after, found := strings.Cut(path, is); found {
			t.add(CauseWrongEndpoint, before, "/notifications/v2", after, mark(query), query)
			t.add(CauseWrongEndpoint, before, "/notifications", after, mark(query), query)
			return
		}
	}
}

// paths are those that servers and proxies take for the same.
func (t *texts) paths(path, query string) {
	t.whole(CauseNormalized, path+"/", query)
	t.whole(CauseNormalized, strings.TrimSuffix(path, "/"), query)
	t.whole(CauseNormalized, "/"+path, query)
	t.whole(CauseNormalized, strings.TrimPrefix(path, "/"), query)
	t.whole(CauseNormalized, strings.ToLower(path), query)
	bare := dropParameters(path)
	t.whole(CauseNormalized, bare, query)
	if strings.Contains(bare, "//") || strings.Contains(bare, "/.") {
		if resolved, err := resolve(bare); err == nil {
			t.whole(CauseNormalized, resolved, query)
		}
	}
}

// parameters leave each parameter out, and sort them.
func (t *texts) parameters(path, query string) {
	all := strings.SplitN(query, "&", maxPieces+1)
	if len(all) < 2 {
		return
	}
	sorted := slices.Sorted(slices.Values(all))
	t.add(CauseQueryChanged, path, "?", strings.Join(sorted, "&"))
	for i := range min(len(all), maxPieces) {
		t.add(CauseQueryChanged, path, "?", strings.Join(slices.Concat(all[:i], all[i+1:]), "&"))
	}
}

// frames put stamp and target together in another way.
func (t *texts) frames(target string) {
	stamp, seconds := t.stamp, t.stamp[:max(0, len(t.stamp)-3)]
	for _, parts := range [...][3]string{
		{stamp, "", target},
		{stamp, `\n`, target},
		{stamp, "\r\n", target},
		{stamp, " ", target},
		{target, "\n", stamp},
		{target, "", stamp},
		{"", "", target},
		{stamp, "\n", target + "\n"},
		{seconds, "\n", target},
	} {
		t.began = len(t.arena)
		for _, part := range parts {
			t.arena = append(t.arena, part...)
		}
		t.end(CauseStringToSign)
	}
}
