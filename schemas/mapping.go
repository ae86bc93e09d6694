package schemas

// A Mapping says what the lines of a log of somebody else mean. Texts that
// are called expressions are those of expr-lang.org over the fields of a line.
type Mapping struct {
	Preset      string            `yaml:"preset"`      // whose values hold for what is not set here
	Format      LogFormat         `yaml:"format"`      // how a line is taken apart
	Pattern     string            `yaml:"pattern"`     // of regex, with named groups, of nginx: its log_format, or of Tomcat
	Select      string            `yaml:"select"`      // expression; other lines are ignored
	Time        string            `yaml:"time"`        // expression: when the request came in
	Layout      string            `yaml:"layout"`      // of time: rfc3339, unix, unix_ms, clf, or as in Go's package time
	Timezone    string            `yaml:"timezone"`    // of a layout without one, such as Asia/Shanghai
	Environment string            `yaml:"environment"` // a name; the one that is asked for, if empty
	Node        string            `yaml:"node"`        // expression; the name of the mapping, if empty
	App         string            `yaml:"app"`         // expression
	Key         string            `yaml:"key"`         // expression: the id of the key that matched, if the log knows it
	Client      []MappingClient   `yaml:"client"`      // the first that yields a name
	OK          string            `yaml:"ok"`          // expression: whether the check passed
	Fail        string            `yaml:"fail"`        // expression: whether it failed; a line with neither is ignored
	Reasons     map[Reason]string `yaml:"reasons"`     // expressions; the first in the order of [Reasons], else signature
	Nodes       []string          `yaml:"nodes"`       // that are expected to log
	MaxGap      Duration          `yaml:"max_gap"`     // how long a node may be silent; 1h if zero

	Databases map[Engine]LogDatabase `yaml:"databases" json:"-"` // how log databases are asked for the fields

	// To verify signatures; evidence does not depend on them.
	Target        string `yaml:"target" json:"-"`        // expression: path[?query] as Apollo got it
	Timestamp     string `yaml:"timestamp" json:"-"`     // expression: the header
	Authorization string `yaml:"authorization" json:"-"` // expression: the header
}

// A MappingClient is one way to tell who called.
type MappingClient struct {
	From string `yaml:"from"` // expression
	How  How    `yaml:"how"`
}

// A LogFormat says how a line is taken apart into fields.
type LogFormat string

// The formats of foreign logs.
const (
	FormatJSON   LogFormat = "json"
	FormatLogfmt LogFormat = "logfmt"
	FormatRegex  LogFormat = "regex"
	FormatNginx  LogFormat = "nginx"
	FormatTomcat LogFormat = "tomcat"
)
