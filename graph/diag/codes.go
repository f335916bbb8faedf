package diag

// A Code names one class of problem for good. Machines match on it, the docs
// have an entry for each.
type Code string

// The codes. E0xx: the text as such; E1xx: nodes and settings; E2xx: wiring;
// E3xx: types and expressions; E4xx: files and peers that a flow names; E5xx: tests; W…: lints.
const (
	BadYAML       Code = "E001" // the text is no YAML
	TooLarge      Code = "E002" // size, depth or aliases over the limits
	DuplicateKey  Code = "E003" // a mapping has a key twice
	BadVariable   Code = "E004" // ${...} that cannot be filled in
	UnknownKey    Code = "E101" // a key that nothing reads
	MissingKey    Code = "E102" // a required setting is not there
	WrongValue    Code = "E103" // a value of the wrong kind, or out of range
	UnknownKind   Code = "E104" // `use` names no kind
	BadName       Code = "E105" // an id, type or field name that is not allowed
	Conflict      Code = "E106" // settings that exclude each other
	UnknownNode   Code = "E201" // `in` names a node that is not there
	UnknownPort   Code = "E202" // a port that the kind does not have
	PortTaken     Code = "E203" // two edges into a port that takes one
	PortUnwired   Code = "E204" // an input that must be wired is not
	Cycle         Code = "E205" // nodes that wait for each other
	Deadlock      Code = "E206" // bounded queues that can block for good
	LostByCrash   Code = "E207" // a source that acknowledges what a crash would lose
	Unanswered    Code = "E208" // a request that could stay without an answer
	TypeMismatch  Code = "E300" // an input port does not take what arrives
	UnknownField  Code = "E301" // a field that the record does not have
	BadExpression Code = "E302" // the text is no expression
	WrongType     Code = "E303" // operands or arguments of the wrong type
	UnknownFunc   Code = "E304" // a function that does not exist
	UnknownType   Code = "E305" // a type name that is not declared
	BadType       Code = "E306" // the text is no type
	NameClash     Code = "E307" // two fields of one name
	NoSchema      Code = "E308" // the type of a source cannot be told
	NoFile        Code = "E401" // a file that is not there or cannot be read
	BadData       Code = "E402" // a file that cannot be what it is declared to be
	NoTarget      Code = "E403" // a file that cannot be written
	Unreachable   Code = "E404" // a peer that does not answer, or refuses
	Unexpected    Code = "E501" // a test did not get what it expects
	UnusedOutput  Code = "W501" // an output that nobody reads
	UnusedNode    Code = "W502" // a node that nothing leads to or from
	UnusedType    Code = "W503" // a declared type or variable that nobody uses
	MixedTypes    Code = "W504" // a sampled column with values of several types
	Ineffective   Code = "W505" // a setting that has no effect here
	SlowBranch    Code = "W506" // one slow reader of an output that would hold up the others
	OwnInput      Code = "W507" // a file that the flow reads and replaces
	EmptyFile     Code = "W508" // a file that has not even a header
	OneColumn     Code = "W509" // a csv file that seems to have another delimiter
	LinkLeftOut   Code = "W510" // a link that a pattern does not follow
	LooseCoalesce Code = "W511" // ?? beside another operator without parentheses
	OtherHeader   Code = "W512" // a csv file whose rows will all be bad items
	OpenSecret    Code = "W513" // a secret that is written in the flow
)

// A CodeInfo is what the docs say of a code.
type CodeInfo struct {
	Code    Code
	Summary string
}

// Codes lists every code with its meaning, in order.
var Codes = []CodeInfo{
	{BadYAML, "The text is not YAML."},
	{TooLarge, "The flow is larger, deeper or has more aliases than the limits allow."},
	{DuplicateKey, "A mapping has the same key twice."},
	{BadVariable, "A variable is not set, or ${...} is malformed."},
	{UnknownKey, "A key that nothing reads."},
	{MissingKey, "A required setting is missing."},
	{WrongValue, "A value of the wrong kind or outside its range."},
	{UnknownKind, "`use` names a kind that does not exist."},
	{BadName, "A name that is not allowed here."},
	{Conflict, "Settings that exclude each other."},
	{UnknownNode, "`in` names a node that does not exist."},
	{UnknownPort, "A port that the kind does not have."},
	{PortTaken, "A second edge into a port that takes one."},
	{PortUnwired, "An input that must be wired has no edge."},
	{Cycle, "Nodes that wait for each other in a circle."},
	{Deadlock, "Bounded queues that can block each other for good."},
	{LostByCrash, "A source would acknowledge what a crash still loses."},
	{Unanswered, "A request could stay without an answer."},
	{TypeMismatch, "What arrives at a port is not what it takes."},
	{UnknownField, "A field that the record does not have."},
	{BadExpression, "The text is not an expression."},
	{WrongType, "Operands, arguments or results of the wrong type."},
	{UnknownFunc, "A function that does not exist."},
	{UnknownType, "A type name that is not declared."},
	{BadType, "The text is not a type."},
	{NameClash, "Two fields would have the same name."},
	{NoSchema, "The type of a source cannot be told."},
	{NoFile, "A file that does not exist or cannot be read."},
	{BadData, "A file that is not what it is declared to be."},
	{NoTarget, "A file that cannot be written."},
	{Unreachable, "A peer, such as a database, does not answer or refuses."},
	{Unexpected, "What a test of the flow expects did not come."},
	{UnusedOutput, "An output that nobody reads."},
	{UnusedNode, "A node that nothing leads to or from."},
	{UnusedType, "A declared type or variable that nobody uses."},
	{MixedTypes, "A sampled column holds values of several types."},
	{Ineffective, "A setting that has no effect here."},
	{SlowBranch, "One slow reader of an output would hold up the others."},
	{OwnInput, "A file that the flow reads and replaces."},
	{EmptyFile, "A file that is empty where others have rows."},
	{OneColumn, "A csv file with one column whose name has another delimiter in it."},
	{LinkLeftOut, "A link that a pattern does not follow: it leads round in a circle, or out of where the flow may read, or to a file that the pattern names as well."},
	{LooseCoalesce, "`??` beside another operator without parentheses."},
	{OtherHeader, "A csv file among others whose header does not fit the type: all its rows are bad items, which `on_error` lets through."},
	{OpenSecret, "A secret is written in the flow, where everybody who reads the file sees it."},
}
