package schemas

// An Engine is a kind of log database.
type Engine string

// The engines that are known.
const (
	EngineClickHouse   Engine = "clickhouse"
	EngineVictoriaLogs Engine = "victorialogs"
	EngineDuckDB       Engine = "duckdb"
)

// A LogLayout says where a log database keeps the fields of a line.
type LogLayout string

// The layouts of log databases.
const (
	LayoutColumns LogLayout = "columns" // the field a.b in a column of that name
	LayoutOTel    LogLayout = "otel"    // in the attributes of OpenTelemetry's table
	LayoutJSON    LogLayout = "json"    // in a body of JSON
)

// A LogDatabase says how the fields of a [Mapping] are asked of a log
// database. Its texts are in the language of the engine, and sent as they are.
type LogDatabase struct {
	Preset     LogLayout         `yaml:"preset"`      // columns if empty
	Table      string            `yaml:"table"`       // or what stands for one behind FROM; that of the URL goes before
	Time       string            `yaml:"time"`        // milliseconds since 1970; that of the mapping if empty and a number
	TimeColumn string            `yaml:"time_column"` // a date and time that the engine finds rows by; none if empty
	Where      string            `yaml:"where"`       // rows that count; all if empty
	Body       string            `yaml:"body"`        // column of the line itself; Body, or _msg, if empty
	Pipe       string            `yaml:"pipe"`        // of VictoriaLogs: what is done before lines are counted
	Fields     map[string]string `yaml:"fields"`      // by field of the mapping, instead of what the preset says
}
