package browser

import (
	"slices"
	"strings"
	"testing"
)

// facts is what the inspection found in the page.
type facts struct {
	Title    string
	Width    float64  // of the page, as far as one can scroll
	Outside  []string // what stands out to the right of the screen
	Small    []string // text under 11 pixels
	Pale     []string // text whose contrast is under 4.5, as in WCAG 2.2 AA
	Overlaps []string // labels of an axis that touch
	Injected []string // elements that the program never writes
	Figures  []figure
}

// A figure is one chart.
type figure struct {
	ID, Name, Description string
	Marks, Dots, Rows     int
	Empty                 []string // marks of no size
}

// inspection returns facts. It is no part of the page.
const inspection = `(() => {
  const f = {Title: document.title, Width: document.documentElement.scrollWidth, Outside: [], Small: [], Pale: [], Overlaps: [], Injected: [], Figures: []};
  const name = e => e.tagName + '.' + (e.getAttribute('class') || '') + ' ' + (e.textContent || '').trim().slice(0, 40);
  const rgb = c => { const m = c.match(/[\d.]+/g).map(Number); return m.length < 4 ? [...m, 1] : m; };
  const lum = c => { const [r, g, b] = c.slice(0, 3).map(v => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] === 1) return c; } return [255, 255, 255, 1]; };
  for (const e of document.body.querySelectorAll('*')) {
    if (!e.checkVisibility() || e.closest('.scroll, .lanes li') || ['TITLE', 'DESC', 'title', 'desc'].includes(e.tagName)) continue;
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (box.right > innerWidth + 1 || box.left < -1) f.Outside.push(name(e));
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (parseFloat(style.fontSize) < 11) f.Small.push(name(e));
    const [a, b] = [lum(rgb(e instanceof SVGElement ? style.fill : style.color)), lum(ground(e))];
    if ((Math.max(a, b) + .05) / (Math.min(a, b) + .05) < 4.5) f.Pale.push(name(e));
  }
  for (const e of document.querySelectorAll('script, img, iframe, link, object, embed, a, h1 ~ h1, [style], [onerror]')) f.Injected.push(name(e));
  for (const svg of document.querySelectorAll('figure > svg, .lanes > svg')) {
    const texts = [...svg.querySelectorAll('text[text-anchor]')].map(t => t.getBoundingClientRect()).filter(b => b.width > 0);
    for (let i = 1; i < texts.length; i++) if (texts.slice(0, i).some(t => t.left < texts[i].right && texts[i].left < t.right && t.top < texts[i].bottom && texts[i].top < t.bottom)) f.Overlaps.push(svg.closest('figure').id);
  }
  for (const e of document.querySelectorAll('figure')) {
    const marks = [...e.querySelectorAll('g rect:not(.track)')], svg = e.querySelector('svg[role=img]');
    const said = id => document.getElementById(svg.getAttribute(id)).textContent;
    f.Figures.push({
      ID: e.id, Name: svg ? said('aria-labelledby') : '', Description: svg ? said('aria-describedby') : '',
      Marks: marks.length, Dots: e.querySelectorAll('circle').length, Rows: e.querySelectorAll('tbody tr').length,
      Empty: marks.filter(m => { const b = m.getBoundingClientRect(); return b.width <= 0 || b.height <= 0; }).map(name),
    });
  }
  return f;
})()`

func (f *facts) check(t *testing.T, l look) {
	t.Helper()
	if f.Width > float64(l.width) {
		t.Errorf("the page is %v pixels wide on a screen of %d", f.Width, l.width)
	}
	if !strings.HasPrefix(f.Title, "Rollout of pro-eu (production): ") {
		t.Errorf("title %q", f.Title)
	}
	for what, faults := range map[string][]string{
		"is outside of the screen": f.Outside, "is too small": f.Small, "has too little contrast": f.Pale,
		"has labels that touch": f.Overlaps, "is not of the program": f.Injected,
	} {
		for _, fault := range faults[:min(len(faults), 10)] {
			t.Errorf("%s: %s", fault, what)
		}
	}
	f.checkFigures(t)
}

// wantFigures are the least marks, dots and rows of data of the charts of the
// story. The first app is the one that is blocked.
func wantFigures() map[string]figure {
	return map[string]figure{
		"app1-heat":     {Marks: 300, Rows: 18},
		"app1-coverage": {Dots: 41, Rows: 41},
		"app1-evidence": {Dots: 40, Rows: 40},
		"app1-clean":    {Dots: 40, Rows: 40},
		"app1-risk":     {Marks: 4, Rows: 4},
		"app1-causes":   {Marks: 3, Rows: 3},
		"causes":        {Marks: 3, Rows: 3},
		"timeline":      {Marks: 7, Rows: 2},
		"health":        {Marks: 3, Rows: 2},
	}
}

func (f *facts) checkFigures(t *testing.T) {
	t.Helper()
	for id, want := range wantFigures() {
		i := slices.IndexFunc(f.Figures, func(g figure) bool { return g.ID == id })
		if i < 0 {
			t.Errorf("there is no chart %s", id)
			continue
		}
		got := f.Figures[i]
		if got.Marks < want.Marks || got.Dots < want.Dots || got.Rows < want.Rows {
			t.Errorf("%s has %d marks, %d dots, %d rows; want %d, %d, %d", id, got.Marks, got.Dots, got.Rows, want.Marks, want.Dots, want.Rows)
		}
		if got.Name == "" || got.Description == "" {
			t.Errorf("%s is called %q and described as %q", id, got.Name, got.Description)
		}
		for _, empty := range got.Empty {
			t.Errorf("%s has a mark of no size: %s", id, empty)
		}
	}
}
