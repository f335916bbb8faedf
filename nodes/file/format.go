package file

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// A format is how rows stand in a file.
type format string

const (
	formatCSV   format = "csv"
	formatTSV   format = "tsv"
	formatJSONL format = "jsonl"
	formatJSON  format = "json"
	formatLines format = "lines"
)

// compression is how a file as a whole is packed.
type compression string

const (
	plain     compression = "none"
	gzipped   compression = "gzip"
	zstandard compression = "zstd"
)

var extensions = map[string]format{
	".csv": formatCSV, ".tsv": formatTSV, ".tab": formatTSV, ".jsonl": formatJSONL, ".ndjson": formatJSONL, ".json": formatJSON,
	".geojsonl": formatJSONL, ".txt": formatLines, ".log": formatLines,
}

// formatOf finds format and compression by the extensions of a path, such as
// .csv.gz, unless the settings say.
func formatOf(path string, set format, compress compression) (format, compression, error) {
	name := strings.ToLower(filepath.Base(path))
	packed := plain
	switch filepath.Ext(name) {
	case ".gz", ".gzip":
		packed = gzipped
	case ".zst", ".zstd":
		packed = zstandard
	}
	if packed != plain {
		name = strings.TrimSuffix(name, filepath.Ext(name))
	}
	if compress != "" {
		packed = compress
	}
	if set != "" {
		return set, packed, nil
	}
	if f, ok := extensions[filepath.Ext(name)]; ok {
		return f, packed, nil
	}
	return "", packed, fmt.Errorf("the format of %s cannot be told from its name", path)
}

// unpack reads through a compression. Close ends the reading of the pack only.
func unpack(r io.Reader, c compression) (io.Reader, func(), error) {
	switch c {
	case gzipped:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { z.Close() }, nil
	case zstandard:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return r, func() {}, nil
}

// pack writes through a compression.
func pack(w io.Writer, c compression) (io.WriteCloser, error) {
	switch c {
	case gzipped:
		return gzip.NewWriter(w), nil
	case zstandard:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return unpacked{w}, nil
}

type unpacked struct{ io.Writer }

func (unpacked) Close() error { return nil }
