package accesskey

import "strings"

// The characters that a way to escape leaves alone, beside letters and digits.
const (
	plainStrict    = "-._~"                   // RFC 3986, and encodeURIComponent but for the next
	plainComponent = plainStrict + "!*'()"    // encodeURIComponent of JavaScript
	plainForm      = "-._*"                   // java.net.URLEncoder; a blank becomes a plus
	plainURI       = plainComponent + ":@$,;" // a segment in most libraries
	plainLoose     = plainURI + "[]{}|\"/?="  // what many send as it is
)

// encodings are of requests that were escaped anew between signing and us.
func (t *texts) encodings(path, query string) {
	escapes := strings.Contains(path, "%") || strings.ContainsAny(query, "%+[]{}|\":,/!*'()")
	if !escapes {
		return
	}
	for _, plain := range [...]string{plainStrict, plainComponent, plainForm, plainURI, plainLoose} {
		t.escaped(path, query, plain, false, true)
		t.escaped(path, query, plain, true, true)
	}
	for _, lower := range [...]bool{true, false} {
		t.begin()
		t.hexCase(path, lower)
		t.arena = append(t.arena, mark(query)...)
		t.hexCase(query, lower)
		t.end(CauseReencoded)
	}
	for _, swap := range [...][2]string{{"+", "%20"}, {"%20", "+"}, {"%", "%25"}, {"%25", "%"}} {
		t.whole(CauseReencoded, path, strings.ReplaceAll(query, swap[0], swap[1]))
		t.whole(CauseReencoded, strings.ReplaceAll(path, swap[0], swap[1]), query)
		t.whole(CauseReencoded, strings.ReplaceAll(path, swap[0], swap[1]), strings.ReplaceAll(query, swap[0], swap[1]))
	}
}

// escaped adds a target of which path or query, or both, are decoded and
// escaped again, piece by piece.
func (t *texts) escaped(path, query, plain string, escapePath, escapeQuery bool) {
	t.begin()
	if escapePath {
		t.escape(path, plain, "/", false)
	} else {
		t.arena = append(t.arena, path...)
	}
	t.arena = append(t.arena, mark(query)...)
	if escapeQuery {
		t.escape(query, plain, "&=", plain == plainForm)
	}
	t.end(CauseReencoded)
}

// escape writes text decoded and escaped again. What is in keep and not
// escaped in text separates its pieces, and stays.
func (t *texts) escape(text, plain, keep string, plus bool) {
	const digits = "0123456789ABCDEF"
	for i := 0; i < len(text); i++ {
		c := text[i]
		if strings.IndexByte(keep, c) >= 0 {
			t.arena = append(t.arena, c)
			continue
		}
		if high, low, ok := escapeAt(text, i); ok {
			c, i = high<<4|low, i+2
		} else if c == '+' && keep != "/" {
			c = ' '
		}
		switch {
		case c == ' ' && plus:
			t.arena = append(t.arena, '+')
		case isAlphanumeric(c) || strings.IndexByte(plain, c) >= 0:
			t.arena = append(t.arena, c)
		default:
			t.arena = append(t.arena, '%', digits[c>>4], digits[c&15])
		}
	}
}

// unescape writes text decoded; what is no escape stays.
func (t *texts) unescape(text string, plus bool) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if high, low, ok := escapeAt(text, i); ok {
			c, i = high<<4|low, i+2
		} else if c == '+' && plus {
			c = ' '
		}
		t.arena = append(t.arena, c)
	}
}

// hexCase writes the digits of all escapes in one case.
func (t *texts) hexCase(text string, lower bool) {
	t.arena = append(t.arena, text...)
	written := t.arena[len(t.arena)-len(text):]
	for i := range text {
		if _, _, ok := escapeAt(text, i); !ok {
			continue
		}
		for j := i + 1; j < i+3; j++ {
			switch {
			case written[j] < 'A': // a digit
			case lower:
				written[j] |= 0x20
			default:
				written[j] &^= 0x20
			}
		}
	}
}

// escapeAt reads the percent escape that begins at text[i], if one does.
func escapeAt(text string, i int) (high, low byte, ok bool) {
	if text[i] != '%' || i+2 >= len(text) {
		return 0, 0, false
	}
	high, okHigh := hexDigit(text[i+1])
	low, okLow := hexDigit(text[i+2])
	return high, low, okHigh && okLow
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}
