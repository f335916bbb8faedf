package expr

// This file has what other languages call things, with what to write here.

// elsewhere lists the names of SQL, JavaScript, Python, jq, Bloblang, VRL and
// spreadsheets by our forms. In a form, l is a list of ints, s and p are texts, x is a
// number, t and u are times, d is JSON text, j a JSON value, n an int that may be null
// and c a condition.
var elsewhere = foreignNames(map[string][]string{
	// text
	"len(s)":                      {"length", "size", "char_length", "character_length", "strlen", "LEN", "LENGTH"},
	"s[0:3]":                      {"substr", "substring", "slice", "mid", "SUBSTR", "SUBSTRING"},
	"s[:3]":                       {"left", "LEFT"},
	"s[-3:]":                      {"right", "RIGHT"},
	"upper(s)":                    {"toUpper", "to_upper", "toUpperCase", "ucase", "uppercase", "upcase", "ascii_upcase", "UPPER"},
	"lower(s)":                    {"toLower", "to_lower", "toLowerCase", "lcase", "lowercase", "downcase", "ascii_downcase", "LOWER"},
	"trim(s)":                     {"strip", "strip_whitespace", "btrim", "TRIM"},
	`trimPrefix(s, " ")`:          {"ltrim", "lstrip", "trimStart", "trimLeft", "ltrimstr", "trim_prefix", "removeprefix"},
	`trimSuffix(s, " ")`:          {"rtrim", "rstrip", "trimEnd", "trimRight", "rtrimstr", "trim_suffix", "removesuffix"},
	"s contains p":                {"includes", "strpos", "instr", "CONTAINS"},
	"s startsWith p":              {"startswith", "starts_with", "hasPrefix", "has_prefix"},
	"s endsWith p":                {"endswith", "ends_with", "hasSuffix", "has_suffix"},
	`s matches r"\d+"`:            {"match", "regex", "test", "regexp", "regexp_like", "regexp_matches", "re_match", "regex_match", "rlike", "fullmatch"},
	`replace(s, "a", "b")`:        {"replaceAll", "replace_all", "str_replace", "REPLACE"},
	`replaceMatch(s, r"\d+", "")`: {"regexp_replace", "re_replace", "re_replace_all", "gsub", "sub"},
	`extract(s, r"(\d+)")`:        {"regexp_extract", "regexp_substr", "capture", "parse_regex", "re_find"},
	`indexOf(s, "a")`:             {"index_of", "charindex", "position", "locate", "POSITION"},
	`split(s, ",")`:               {"split_part", "string_to_array", "splits", "explode", "str_split"},
	`join(["a", "b"], ",")`:       {"string_agg", "group_concat", "listagg", "implode", "array_to_string", "array_join"},
	`s + "-" + p`:                 {"concat_ws", "strcat", "CONCAT"},
	"padLeft(s, 8)":               {"lpad", "padStart", "zfill", "rjust", "LPAD"},
	"padRight(s, 8)":              {"rpad", "padEnd", "ljust", "RPAD"},
	"sha256(s)":                   {"md5", "sha1", "sha512", "hash", "sha2", "MD5"},
	`string(x) + " EUR"`:          {"sprintf", "printf", "format_number", "to_char", "TO_CHAR"},
	// number
	"float(s)":          {"number", "double", "parseFloat", "to_float", "toFloat", "to_number", "tonumber", "parse_float", "Number"},
	"int(s)":            {"toInt", "integer", "parseInt", "to_int", "parse_int", "bigint", "cast", "CAST", "TRY_CAST"},
	"int(x)":            {"trunc", "fix", "TRUNC"},
	"ceil(x)":           {"ceiling", "CEIL", "CEILING"},
	"round(x, 2)":       {"toFixed", "to_fixed", "ROUND"},
	"pow(x, 2)":         {"power", "POWER"},
	"log(x)":            {"ln", "LN"},
	"int(x) % 2":        {"mod", "MOD", "fmod", "modulo"},
	"max(x, 1)":         {"greatest", "GREATEST", "fmax"},
	"min(x, 1)":         {"least", "LEAST", "fmin"},
	"mean([x, 1])":      {"avg", "average", "AVG"},
	"int(floor(x / 2))": {"div", "floordiv", "intdiv"},
	// null and conditions
	"n ?? 0":            {"ifnull", "nvl", "default", "fillna", "IFNULL", "COALESCE", "NVL", "or_else", "catch"},
	"n == null":         {"isnull", "is_null", "isNull", "isna", "isnan", "is_nullish", "isNone"},
	"n != null":         {"exists", "defined", "is_not_null", "notnull", "isset", "notna"},
	"x == 0 ? null : x": {"nullif", "NULLIF"},
	"c ? 1 : 0":         {"iif", "IF", "IIF", "decode", "case", "CASE", "select", "cond", "choose"},
	`s == ""`:           {"empty", "is_empty", "isempty", "isEmpty"},
	// conversions and JSON
	"string(x)":           {"str", "toString", "to_string", "tostring", "text", "String", "to_text"},
	"bool(s)":             {"boolean", "to_bool", "toBoolean", "parse_bool", "Boolean"},
	"json(l)":             {"toJSON", "to_json", "tojson", "encode_json", "format_json", "stringify", "dumps"},
	"parse_json(d)":       {"fromJSON", "from_json", "fromjson", "json_parse", "decode_json", "loads"},
	`get(j, "a.b")`:       {"json_extract", "json_value", "json_query", "get_path", "getpath", "json_path", "dig"},
	`get(j, "a") != null`: {"has", "has_key", "haskey", "hasOwnProperty", "json_exists"},
	"url_encode(s)":       {"urlencode", "urlEncode", "encodeURIComponent", "encodeURI", "encodeUrlComponent", "encodeUrl", "encode_percent", "percent_encode", "escape_url_query", "escape_url_path", "url_escape", "uri_escape", "urlescape", "query_escape", "path_escape", "uri", "quote", "quote_plus"},
	"url_decode(s)":       {"urldecode", "urlDecode", "decodeURIComponent", "decodeURI", "decodeUrlComponent", "decodeUrl", "decode_percent", "percent_decode", "unescape_url_query", "unescape_url_path", "url_unescape", "uri_unescape", "query_unescape", "path_unescape", "unquote", "unquote_plus"},
	`{a: x, b: s}`:        {"struct", "object", "named_struct", "json_object", "json_build_object", "merge"},
	// time
	"unix(t)":                    {"timestamp", "epoch", "to_unix_timestamp", "unix_timestamp", "mktime", "getTime", "UNIX_TIMESTAMP"},
	"from_unix(1.5)":             {"from_unixtime", "fromtimestamp", "from_unix_timestamp", "todate", "FROM_UNIXTIME"},
	"time(s)":                    {"parse_time", "to_timestamp", "parse_timestamp", "strptime", "ts_parse", "datetime", "to_datetime", "fromisoformat", "TO_TIMESTAMP"},
	`format(t, "2006-01-02")`:    {"strftime", "date_format", "format_timestamp", "ts_format", "ts_strftime", "strflocaltime", "format_date", "DATE_FORMAT"},
	"date(now())":                {"today", "current_date", "CURRENT_DATE"},
	"now()":                      {"current_timestamp", "getdate", "sysdate", "timestamp_unix", "NOW", "CURRENT_TIMESTAMP"},
	"(t - u) / duration(\"1d\")": {"date_diff", "datediff", "timestampdiff", "DATEDIFF"},
	`t + duration("1d")`:         {"date_add", "dateadd", "adddate", "timedelta", "DATE_ADD"},
	`t - duration("1d")`:         {"date_sub", "datesub", "subdate", "DATE_SUB"},
	`truncate(t, "1h")`:          {"datetrunc", "date_trunc", "time_bucket", "ts_round", "DATE_TRUNC"},
	"year(t)":                    {"date_part", "datepart", "getFullYear", "YEAR"},
	"weekday(t)":                 {"dayofweek", "day_of_week", "isoweekday", "getDay", "isodow"},
	"yearday(t)":                 {"dayofyear", "day_of_year"},
	"day(t)":                     {"dayofmonth", "getDate", "day_of_month"},
	`duration("90m")`:            {"interval", "parse_duration", "make_interval", "INTERVAL"},
	// lists
	"unique(l)":              {"uniq", "dedupe", "array_distinct", "array_unique"},
	"len(l)":                 {"array_length", "cardinality", "array_size"},
	"x in l":                 {"array_contains", "list_contains", "index", "inside", "any_of"},
	"l[0]":                   {"head", "element_at", "nth", "array_get"},
	"concat(l, l)":           {"array_concat", "array_cat", "append", "extend", "push"},
	"sort(l)":                {"sorted", "array_sort", "list_sort"},
	"sortBy(l, -#)":          {"sort_by", "order_by", "orderBy"},
	"filter(l, # > 1)":       {"where", "array_filter", "list_filter"},
	"map(l, # * 2)":          {"map_each", "transform", "list_transform", "for_each"},
	"reduce(l, #acc + #, 0)": {"fold", "foldl", "accumulate", "list_reduce"},
	"any(l, # > 1)":          {"some", "array_any", "bool_or"},
	"all(l, # > 1)":          {"every", "array_all", "bool_and"},
	"1..9":                   {"range", "generate_series", "sequence", "arange"},
	"flatten([l, l])":        {"flat", "flatMap", "array_flatten"},
})

// inWords are names for which there is no expression to write.
var inWords = map[string]string{
	"groupBy": "use a group node", "group_by": "use a group node", "GROUP": "use a group node", "partition_by": "use `by` of group, window or scan",
	"keys":   "the fields of a record are known from its type: name them; of a JSON value, read the fields by get(x, \"name\")",
	"values": "the fields of a record are known from its type: write [x.a, x.b]", "items": "the fields of a record are known from its type: write [x.a, x.b]",
	"to_entries": "the fields of a record are known from its type: write [x.a, x.b]", "entries": "the fields of a record are known from its type: write [x.a, x.b]",
	"del": "leave fields out by `drop` of map", "delete": "leave fields out by `drop` of map", "row_number": "use scan with {set: {n: count()}}",
	"lag": "use scan", "lead": "use scan", "uuid": "there is none: a flow gives the same every time it runs", "uuid_v4": "there is none: a flow gives the same every time it runs",
	"env": "use a variable: ${NAME}", "getenv": "use a variable: ${NAME}", "get_env_var": "use a variable: ${NAME}",
}

// elsewhereValues are what other languages write where a field or a value stands.
var elsewhereValues = map[string]string{
	"NULL": "write null", "Null": "write null", "None": "write null", "undefined": "write null", "TRUE": "write true", "True": "write true", "FALSE": "write false", "False": "write false",
	"this": "a field stands by its name alone: amount, not this.amount", "self": "a field stands by its name alone: amount, not self.amount",
	"root": "a field stands by its name alone: amount, not root.amount", "$": "a field stands by its name alone: amount, not $.amount",
	"Math": "functions stand by their names alone: max(x, 1), not Math.max(x, 1)", "JSON": "write parse_json(s), or json(x)",
}

// foreignNames turns the table round.
func foreignNames(forms map[string][]string) map[string]string {
	names := map[string]string{}
	for form, all := range forms {
		for _, name := range all {
			names[name] = form
		}
	}
	return names
}

// insteadOf is the hint for a name of another language.
func insteadOf(name string) (hint string, ok bool) {
	if hint, ok = inWords[name]; ok {
		return hint, true
	}
	form, ok := elsewhere[name]
	return "write " + form, ok
}
