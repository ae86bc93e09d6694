package accesskey

// A Cause says what a client, or a proxy in front of it, does that makes a
// check fail.
type Cause string

// The closed list of causes. What each means and how it is mended is in
// [Cause.What] and [Cause.Fix].
const (
	CauseNone Cause = ""

	// Seen in the headers alone.
	CauseUnsigned        Cause = "unsigned"
	CauseNoTimestamp     Cause = "no_timestamp"
	CauseNoAuthorization Cause = "no_authorization"
	CauseEmptySignature  Cause = "empty_signature"
	CauseForeignScheme   Cause = "foreign_scheme"
	CauseNoSignature     Cause = "no_signature"
	CauseTimestampForm   Cause = "timestamp_form"
	CauseTimeUnit        Cause = "time_unit"
	CauseSkew            Cause = "skew"
	CauseHex             Cause = "hex"
	CauseURLSafe         Cause = "url_safe"
	CauseEscaped         Cause = "escaped_signature"
	CauseHash            Cause = "other_hash"

	// Of the secret.
	CauseEmptySecret  Cause = "empty_secret"
	CausePlaceholder  Cause = "placeholder"
	CauseQuotedSecret Cause = "quoted_secret"
	CauseSpaceSecret  Cause = "space_in_secret"
	CauseSecretForm   Cause = "secret_form"
	CauseOtherApp     Cause = "other_app"
	CauseWrongSecret  Cause = "wrong_secret"

	// Of what was signed.
	CausePrefixLost    Cause = "prefix_lost"
	CausePrefixAdded   Cause = "prefix_added"
	CauseQueryDropped  Cause = "query_dropped"
	CauseQueryJoin     Cause = "query_join"
	CauseQueryChanged  Cause = "query_changed"
	CauseDecoded       Cause = "decoded"
	CauseReencoded     Cause = "reencoded"
	CauseWrongEndpoint Cause = "wrong_endpoint"
	CauseNormalized    Cause = "normalized"
	CauseStringToSign  Cause = "string_to_sign"
)

// Causes lists every cause of a failure.
func Causes() []Cause {
	return []Cause{
		CauseUnsigned, CauseNoTimestamp, CauseNoAuthorization, CauseEmptySignature, CauseForeignScheme, CauseNoSignature,
		CauseTimestampForm, CauseTimeUnit, CauseSkew, CauseHex, CauseURLSafe, CauseEscaped, CauseHash,
		CauseEmptySecret, CausePlaceholder, CauseQuotedSecret, CauseSpaceSecret, CauseSecretForm, CauseOtherApp, CauseWrongSecret,
		CausePrefixLost, CausePrefixAdded, CauseQueryDropped, CauseQueryJoin, CauseQueryChanged, CauseDecoded, CauseReencoded,
		CauseWrongEndpoint, CauseNormalized, CauseStringToSign,
	}
}

// What is the cause in a few words.
func (c Cause) What() string { return explanations()[c].what }

// Fix tells the owner of the client what to do.
func (c Cause) Fix() string { return explanations()[c].fix }

type explanation struct{ what, fix string }

// explanations know what real clients do from their sources and from runs of
// them: apollo-java, agollo, apollo.net, and those of PHP, Python, npm and C++.
func explanations() map[Cause]explanation {
	return map[Cause]explanation{
		CauseUnsigned: {"not signed", "give the client the app's key: apollo-java signs only where its secret is not blank " +
			"(`apollo.access-key.secret`, since 1.6), and some clients know no access keys at all"},
		CauseNoTimestamp:     {"no Timestamp header", "send both headers, and look for a proxy that drops `Timestamp`"},
		CauseNoAuthorization: {"no Authorization header, though a Timestamp", "look for a proxy that removes `Authorization`, as for its own log-in"},
		CauseEmptySignature: {"empty signature", "give the client a secret: PHP's ApolloSdk sends `Apollo app:` where " +
			"secret or path is empty"},
		CauseForeignScheme: {"another scheme in the Authorization header", "keep proxy, mesh or HTTP library from setting its own " +
			"`Authorization` (Basic, Bearer …) on requests to Apollo: the header can carry only one"},
		CauseNoSignature: {"nothing in the Authorization header that is a signature", "send `Authorization: Apollo APP:SIGNATURE`, where " +
			"SIGNATURE is 28 characters of base64"},
		CauseTimestampForm: {"timestamp that is no whole number", "send milliseconds since 1970 as digits, without fraction, date or blank"},
		CauseTimeUnit:      {"timestamp that is not in milliseconds", "send milliseconds since 1970, 13 digits: seconds × 1000"},
		CauseSkew: {"clock too far off", "set the client's clock by NTP, and sign each request anew also when it is retried; if all clients " +
			"are late by a minute, the log has the end of long polls: log the time at which a request begins"},
		CauseHex:     {"signature in hexadecimal digits", "send the base64 of the 20 bytes of HMAC-SHA1, not their hexadecimal digits"},
		CauseURLSafe: {"signature in another base64", "use the standard alphabet with `+`, `/` and `=` at the end, not the one for URLs"},
		CauseEscaped: {"signature escaped as in a URL", "send the base64 as it is: `+`, `/` and `=` need no escapes in a header"},
		CauseHash:    {"signature of another hash than SHA1", "use HMAC-SHA1, which is all that Apollo knows; take a `SetHash` of agollo back"},
		CauseEmptySecret: {"signed with an empty secret", "give the client the app's key: agollo signs also without one " +
			"(`Secret` of its AppConfig)"},
		CausePlaceholder: {"signed with a placeholder instead of the secret", "find out why the client's setting is not filled in: " +
			"it signs with a word such as null, or with the name of a variable or the app id"},
		CauseQuotedSecret: {"secret in quotes", "take the quotes away where the client's secret is set: env files, YAML in Helm charts " +
			"and Docker's --env-file pass them on"},
		CauseSpaceSecret: {"blank or line break around the secret", "write the secret without a line break (`printf %s`, not `echo`; " +
			"`base64` of it likewise), or trim it where it is read"},
		CauseSecretForm: {"secret in another spelling", "copy the secret as the Portal shows it: no change of case, no dashes added " +
			"or removed, not encoded and not decoded"},
		CauseOtherApp: {"signed with the key of another app", "give the client the key of the app that it asks for, or ask for the app whose key it has"},
		CauseWrongSecret: {"a secret that is none of these keys", "compare the client's secret with the key by its fingerprint, " +
			"`printf %s \"$SECRET\" | sha256sum | cut -c1-12`; if they agree, something rewrites the request in a way not known here"},
		CausePrefixLost: {"signed without the prefix of the path", "sign the whole path as it is sent: xhrg's apollo-client-python and others " +
			"cut a base URL with a path off; or serve Apollo without the prefix"},
		CausePrefixAdded: {"signed with a prefix that the path has lost", "have the proxy pass the path on as it comes, or give Apollo " +
			"the same context path: the signature covers it"},
		CauseQueryDropped:  {"signed without the query", "sign path and query, `path?query`, as they are sent"},
		CauseQueryJoin:     {"query joined in another way", "sign exactly one `?` between path and query, and the `&` as they are sent; keep proxies from tidying `?&` up"},
		CauseQueryChanged:  {"parameter added, removed or moved after signing", "sign when the query is complete, in the order that is sent; let no proxy add parameters"},
		CauseDecoded:       {"signed decoded", "sign path and query as they are sent, with their percent escapes: agollo signs the decoded path, so give it names that need none"},
		CauseReencoded:     {"escaped in another way after signing", "sign what goes over the wire, and have no proxy decode and escape it again"},
		CauseWrongEndpoint: {"signed for another path", "sign the path that is requested: /configfiles/json/ is not /configfiles/, nor /notifications /notifications/v2"},
		CauseNormalized: {"path tidied up after signing", "sign the path as it is sent, and have no proxy merge slashes, resolve dots, " +
			"change case or drop what follows a semicolon (nginx: `merge_slashes off`, proxy_pass without a path)"},
		CauseStringToSign: {"signed another text", "sign the Timestamp header, one line feed and path?query, in this order, and nothing else"},
	}
}
