package expr

// A FuncInfo describes a function for docs and completion.
type FuncInfo struct {
	Name      string
	Signature string // such as "upper(text: string) string"
	Summary   string
	Example   string
}

// Functions lists all functions.
func Functions() []FuncInfo { return nil }
