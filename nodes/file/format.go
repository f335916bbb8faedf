package file

import (
	"errors"
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

	formatParquet format = "parquet"
	formatAvro    format = "avro"
)

// compression is how a file as a whole is packed.
type compression string

const (
	plain     compression = "none"
	gzipped   compression = "gzip"
	zstandard compression = "zstd"
	snappy    compression = "snappy" // of blocks alone
)

var extensions = map[string]format{
	".csv": formatCSV, ".tsv": formatTSV, ".tab": formatTSV, ".jsonl": formatJSONL, ".ndjson": formatJSONL, ".json": formatJSON,
	".geojsonl": formatJSONL, ".txt": formatLines, ".log": formatLines,
	".parquet": formatParquet, ".avro": formatAvro, ".ocf": formatAvro,
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
	if path == "-" {
		return "", packed, errors.New("standard input and output have no name that tells the format")
	}
	return "", packed, fmt.Errorf("the format of %s cannot be told from its name", path)
}

// isCSV says whether rows are cells, for which delimiter and header count.
func (f format) isCSV() bool { return f == formatCSV || f == formatTSV }

// isTable says whether rows stand in blocks, with a type of their own and packed one by one.
func (f format) isTable() bool { return f == formatParquet || f == formatAvro }

// unpack reads through a compression. Close ends the reading of the pack only. A
// zstd window is 512 MB at most, so that a file cannot ask for all memory.
func unpack(r io.Reader, c compression) (io.Reader, func(), error) {
	switch c {
	case gzipped:
		return unpackGzip(r)
	case zstandard:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, err
		}
		return &framesReader{r: z}, z.Close, nil
	}
	return r, func() {}, nil
}

// errNothing is that of a file without a byte, or without a row.
var errNothing = errors.New("it is empty")

// unpackError says what is wrong with a pack that could not be read on.
func unpackError(c compression, err error) error {
	_, isText := errors.AsType[textError](err)
	switch {
	case c == plain || isText:
		return err
	case errors.Is(err, errGarbage):
		return fmt.Errorf("the text is followed by something that is not %s: end the file there, or make it anew", c)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the %s file ends too early: it was cut off", c)
	case errors.Is(err, zstd.ErrMagicMismatch):
		return errors.New("this is not a zstd file")
	}
	return fmt.Errorf("the %s file is damaged: %w", c, err)
}

// pack writes through a compression.
func pack(w io.Writer, c compression) (io.WriteCloser, error) {
	switch c {
	case gzipped:
		return gzip.NewWriter(w), nil
	case zstandard:
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return plainWriter{w}, nil
}

type plainWriter struct{ io.Writer }

func (plainWriter) Close() error { return nil }
