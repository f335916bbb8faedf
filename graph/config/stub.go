package config

// Format …
func Format(src []byte) ([]byte, error) { return src, nil }
