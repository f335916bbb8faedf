package file

import (
	"errors"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// This file reads text that is not UTF-8.

// The values of the setting encoding.
const (
	encodingUTF8    = "utf-8"
	encodingUTF16   = "utf-16"
	encodingLatin1  = "latin-1"
	encodingWindows = "windows-1252"
)

// decoder gives what turns an encoding into UTF-8; nil for UTF-8 itself.
func decoder(encoding string) transform.Transformer {
	switch encoding {
	case encodingUTF16:
		return new(utf16Decoder)
	case encodingLatin1:
		return charmap.ISO8859_1.NewDecoder()
	case encodingWindows:
		return charmap.Windows1252.NewDecoder()
	}
	return nil
}

// decode reads a text through an encoding.
func decode(r io.Reader, encoding string) io.Reader {
	if d := decoder(encoding); d != nil {
		return transform.NewReader(r, d)
	}
	return r
}

// A utf16Decoder turns UTF-16 into UTF-8. What is half of a pair, or half of a
// unit, becomes a byte that is not UTF-8, and so makes its row bad; the decoder of
// golang.org/x/text would make a U+FFFD of it that nobody is told of.
type utf16Decoder struct{ order byteOrder }

type byteOrder uint8

const (
	orderUnknown byteOrder = iota
	orderLittle
	orderBig
)

// notUTF8 stands for what is no character.
const notUTF8 = '\xFF'

// errNoOrder is that of a text that tells in no way which byte comes first.
var errNoOrder error = textError("it has no byte order mark and does not begin as UTF-16 does; leave encoding away if it is UTF-8")

// Reset implements transform.Transformer.
func (d *utf16Decoder) Reset() { *d = utf16Decoder{} }

// Transform implements transform.Transformer.
func (d *utf16Decoder) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if d.order == orderUnknown && len(src) > 0 {
		if len(src) < 2 && !atEOF {
			return 0, 0, transform.ErrShortSrc
		}
		if d.order = orderOf(src); d.order == orderUnknown {
			return 0, 0, errNoOrder
		}
	}
	for nSrc < len(src) {
		rest, size, r := src[nSrc:], 2, rune(-1)
		switch {
		case len(rest) < 2 && !atEOF:
			return nDst, nSrc, transform.ErrShortSrc
		case len(rest) < 2:
			size = 1
		default:
			if r = d.unit(rest); !utf16.IsSurrogate(r) {
				break
			}
			if len(rest) < 4 && !atEOF {
				return nDst, nSrc, transform.ErrShortSrc
			}
			high := r
			if r = -1; len(rest) >= 4 {
				if pair := utf16.DecodeRune(high, d.unit(rest[2:])); pair != utf8.RuneError {
					size, r = 4, pair
				}
			}
		}
		if len(dst)-nDst < utf8.UTFMax {
			return nDst, nSrc, transform.ErrShortDst
		}
		if r < 0 {
			dst[nDst] = notUTF8
			nDst++
		} else {
			nDst += utf8.EncodeRune(dst[nDst:], r)
		}
		nSrc += size
	}
	return nDst, nSrc, nil
}

func (d *utf16Decoder) unit(b []byte) rune {
	if d.order == orderBig {
		return rune(b[0])<<8 | rune(b[1])
	}
	return rune(b[1])<<8 | rune(b[0])
}

// orderOf finds the order of bytes by the mark that the text begins with, or by its first
// character if that is of ASCII.
func orderOf(text []byte) byteOrder {
	switch {
	case len(text) < 2:
		return orderUnknown
	case text[0] == 0xFF && text[1] == 0xFE, text[0] != 0 && text[1] == 0:
		return orderLittle
	case text[0] == 0xFE && text[1] == 0xFF, text[0] == 0 && text[1] != 0:
		return orderBig
	}
	return orderUnknown
}

// decoded turns the beginning of a text into UTF-8, as far as it has whole characters.
func decoded(text []byte, encoding string, whole bool) ([]byte, error) {
	d := decoder(encoding)
	if d == nil {
		return text, nil
	}
	dst := make([]byte, utf8.UTFMax*len(text)+utf8.UTFMax)
	n, _, err := d.Transform(dst, text, whole)
	if errors.Is(err, transform.ErrShortSrc) {
		err = nil
	}
	return dst[:n], err
}
