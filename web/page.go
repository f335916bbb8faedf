package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"net/http"
	"path"
	"sync"

	"github.com/flowrun/flowrun/graph/render"
)

// This file serves the files that pages are made of, and packs what is sent.

//go:embed static page.html.tmpl openapi.json
var files embed.FS

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(files, "page.html.tmpl"))
})

// An asset is a file of the page, packed once.
type asset struct {
	kind          string
	plain, packed []byte
	tag           string
}

// assets are the files of the page by name.
var assets = sync.OnceValue(func() map[string]asset {
	kinds := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	all := map[string]asset{}
	add := func(name string, text []byte) {
		sum := sha256.Sum256(text)
		all[name] = asset{kinds[path.Ext(name)], text, pack(text, gzip.BestCompression), `"` + hex.EncodeToString(sum[:8]) + `"`}
	}
	entries, err := files.ReadDir("static")
	if err != nil {
		panic(err) // the folder is embedded
	}
	for _, e := range entries {
		text, err := files.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		add(e.Name(), text)
	}
	add("flow.css", []byte(render.PageStyle()))
	return all
})

// static serves the page's files. Browsers ask each time whether they changed.
func static(w http.ResponseWriter, r *http.Request) {
	a, ok := assets()[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", a.tag)
	h.Add("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == a.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", a.kind)
	if unpacks(r) {
		h.Set("Content-Encoding", "gzip")
		w.Write(a.packed)
		return
	}
	w.Write(a.plain)
}

// send answers with a text, packed if that is worth it.
func send(w http.ResponseWriter, r *http.Request, kind string, text []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Vary", "Accept-Encoding")
	if len(text) > 1400 && unpacks(r) {
		h.Set("Content-Encoding", "gzip")
		text = pack(text, gzip.DefaultCompression)
	}
	w.Write(text)
}

func pack(text []byte, level int) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		panic(err) // the levels are ours
	}
	z.Write(text) // a buffer takes everything
	z.Close()
	return b.Bytes()
}
