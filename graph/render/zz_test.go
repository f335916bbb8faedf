package render
import ("testing";"os";"image";"image/png")
func TestZZ(t *testing.T){ c:=newCanvas(60,40,4); c.clear(rgb("#ffffff")); c.at(Point{4,4}).icon(rgb("#64748b"),1.7,glyphs[IconSink].path); c.at(Point{24,4}).icon(rgb("#64748b"),1.7,glyphs[IconFilter].path);c.at(Point{42,4}).icon(rgb("#64748b"),1.7,glyphs[IconTime].path)
c.at(Point{4,22}).icon(rgb("#64748b"),1.7,glyphs[IconState].path);c.at(Point{24,22}).icon(rgb("#64748b"),1.7,glyphs[IconCall].path);c.at(Point{42,22}).icon(rgb("#64748b"),1.7,glyphs[IconSort].path)
var _ image.Image; f,_:=os.Create("/tmp/rd/pics/ic.png"); png.Encode(f,c.img); f.Close() }
