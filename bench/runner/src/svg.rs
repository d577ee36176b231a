//! Charts as SVG: bars and lines, without a library.
//!
//! A chart brings its own background and turns dark with the reader's system, so that it can be read on any page. Text is
//! set in the reader's own fonts; widths are estimated, so labels have room to spare.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 164.0;
const TOP: f64 = 58.0;
const BAR: f64 = 17.0;
const BAR_GAP: f64 = 3.0;
const GROUP_GAP: f64 = 16.0;
const LEGEND_LINE: f64 = 20.0;
const PLOT_HEIGHT: f64 = 260.0;

/// Okabe and Ito's colours, told apart by most eyes; on dark a little lighter.
const STYLE: &str = "<style>
text{font:13px system-ui,-apple-system,'Segoe UI',sans-serif;fill:#1f2328}
.title{font-size:16px;font-weight:600}.head{font-weight:600}.small{font-size:12px;fill:#59636e}.value{font-size:12px}
.page{fill:#fff}.axis{stroke:#8c959f;stroke-width:1}.grid{stroke:#d1d9e0;stroke-width:1}
.line{fill:none;stroke-width:2}.dashed{stroke-dasharray:6 4}
.c0{fill:#0072b2}.c1{fill:#56b4e9}.c2{fill:#d55e00}.c3{fill:#009e73}.c4{fill:#8cc9b5}.c5{fill:#8c959f}.c6{fill:#c3c9cf}
.l0{stroke:#0072b2}.l1{stroke:#56b4e9}.l2{stroke:#d55e00}.l3{stroke:#009e73}.l4{stroke:#8cc9b5}.l5{stroke:#8c959f}.l6{stroke:#c3c9cf}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#30363d}
.c0{fill:#3d9be0}.l0{stroke:#3d9be0}.c2{fill:#e8743b}.l2{stroke:#e8743b}.c3{fill:#20b98c}.l3{stroke:#20b98c}
.c4{fill:#3d7a68}.l4{stroke:#3d7a68}.c6{fill:#545d68}.l6{stroke:#545d68}}
</style>";

/// A bar: its parts from left to right, and what stands behind it.
#[derive(Debug, Clone)]
pub(crate) struct Bar {
    /// What stands before it.
    pub(crate) label: String,
    /// Its parts: a length and a colour from 0 to 6.
    pub(crate) parts: Vec<(f64, usize)>,
    /// What stands behind it.
    pub(crate) value: String,
}

/// Bars under one heading.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    /// The heading.
    pub(crate) label: String,
    /// The bars.
    pub(crate) bars: Vec<Bar>,
}

/// A line through points, in one colour.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// What the legend calls it.
    pub(crate) label: String,
    /// Its colour, from 0 to 6.
    pub(crate) colour: usize,
    /// Whether it is dashed, which tells two lines of one colour apart.
    pub(crate) dashed: bool,
    /// Its points, by x.
    pub(crate) points: Vec<(f64, f64)>,
}

/// Horizontal bars in groups, all on one scale. The legend names colours.
pub(crate) fn bars(title: &str, unit: &str, legend: &[(&str, usize)], groups: &[Group]) -> String {
    let all = || groups.iter().flat_map(|group| &group.bars);
    let longest = all().map(|bar| bar.parts.iter().map(|(length, _)| length).sum::<f64>()).fold(0.0, f64::max);
    let scale = (WIDTH - LEFT - RIGHT) / if longest > 0.0 { longest } else { 1.0 };
    let mut body = String::new();
    let mut y = TOP + legend_height(legend);
    for group in groups {
        let _ = writeln!(body, "<text x='12' y='{:.0}' class='head'>{}</text>", y + 10.0, escaped(&group.label));
        y += 18.0;
        for bar in &group.bars {
            let middle = y + BAR / 2.0 + 4.5;
            let mut x = LEFT;
            let _ = write!(
                body,
                "<text class='small' x='{:.1}' y='{middle:.1}' text-anchor='end'>{}</text>",
                LEFT - 8.0,
                escaped(&bar.label)
            );
            for (length, colour) in &bar.parts {
                let width = (length * scale).max(0.0);
                let _ =
                    write!(body, "<rect class='c{colour}' x='{x:.1}' y='{y:.1}' width='{width:.1}' height='{BAR}'/>");
                x += width;
            }
            let _ =
                writeln!(body, "<text class='value' x='{:.1}' y='{middle:.1}'>{}</text>", x + 6.0, escaped(&bar.value));
            y += BAR + BAR_GAP;
        }
        y += GROUP_GAP;
    }
    page(title, unit, legend.iter().map(|(label, colour)| (*label, *colour, false)), y, &body)
}

/// Lines over an x axis whose steps multiply, such as 1, 10, 100.
pub(crate) fn lines(title: &str, unit: &str, x_label: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.points);
    let legend: Vec<(&str, usize)> = lines.iter().map(|line| (line.label.as_str(), line.colour)).collect();
    let top = TOP + legend_height(&legend) + 8.0;
    let bottom = top + PLOT_HEIGHT;
    let (left, right) = (64.0, WIDTH - 28.0);
    let (from, to) = points()
        .map(|point| point.0.max(1.0).ln())
        .fold((f64::MAX, f64::MIN), |(from, to), x| (from.min(x), to.max(x)));
    let step = round_step(points().map(|point| point.1).fold(0.0, f64::max));
    let highest = step * 4.0;
    let place_x = |x: f64| left + 12.0 + (x.max(1.0).ln() - from) / (to - from).max(0.001) * (right - left - 36.0);
    let place_y = |y: f64| bottom - y / highest * PLOT_HEIGHT;

    let mut body = String::new();
    for number in 0..=4 {
        let value = step * f64::from(number);
        let y = place_y(value);
        let class = if number == 0 { "axis" } else { "grid" };
        let _ = write!(body, "<line class='{class}' x1='{left}' y1='{y:.1}' x2='{right}' y2='{y:.1}'/>");
        let _ = writeln!(
            body,
            "<text class='small' x='{:.1}' y='{:.1}' text-anchor='end'>{}</text>",
            left - 8.0,
            y + 4.0,
            number_text(value)
        );
    }
    let mut steps: Vec<f64> = points().map(|point| point.0).collect();
    steps.sort_by(f64::total_cmp);
    steps.dedup();
    for x in steps {
        let _ = writeln!(
            body,
            "<text class='small' x='{:.1}' y='{:.1}' text-anchor='middle'>{}</text>",
            place_x(x),
            bottom + 18.0,
            number_text(x)
        );
    }
    let _ = writeln!(
        body,
        "<text class='small' x='{:.1}' y='{:.1}' text-anchor='middle'>{}</text>",
        (left + right) / 2.0,
        bottom + 38.0,
        escaped(x_label)
    );
    for line in lines {
        let path: Vec<String> =
            line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", place_x(*x), place_y(*y))).collect();
        let dashed = if line.dashed { " dashed" } else { "" };
        let _ = write!(body, "<polyline class='line l{}{dashed}' points='{}'/>", line.colour, path.join(" "));
        for (x, y) in &line.points {
            let _ = write!(
                body,
                "<circle class='c{}' cx='{:.1}' cy='{:.1}' r='3.5'/>",
                line.colour,
                place_x(*x),
                place_y(*y)
            );
        }
        body.push('\n');
    }
    let legend = lines.iter().map(|line| (line.label.as_str(), line.colour, line.dashed));
    page(title, unit, legend, bottom + 52.0, &body)
}

/// The frame around a chart: title, unit and legend. A name that two lines share stands there once.
fn page<'a>(
    title: &str,
    unit: &str,
    legend: impl Iterator<Item = (&'a str, usize, bool)>,
    height: f64,
    body: &str,
) -> String {
    let (title, unit) = (escaped(title), escaped(unit));
    let mut text = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height:.0}' width='{WIDTH}' height='{height:.0}' \
         role='img' aria-label='{title}'>\n<title>{title}</title>\n{STYLE}\n\
         <rect class='page' width='{WIDTH}' height='{height:.0}' rx='6'/>\n\
         <text class='title' x='12' y='26'>{title}</text>\n<text class='small' x='12' y='45'>{unit}</text>\n"
    );
    let (mut x, mut y) = (12.0, TOP + 2.0);
    for (label, colour, dashed) in legend {
        let width = legend_width(label);
        if x + width > WIDTH - 12.0 {
            (x, y) = (12.0, y + LEGEND_LINE);
        }
        let dash = if dashed { " dashed" } else { "" };
        let _ = writeln!(
            text,
            "<line class='l{colour}{dash}' stroke-width='4' x1='{x:.1}' y1='{y:.1}' x2='{:.1}' y2='{y:.1}'/>\
             <text class='value' x='{:.1}' y='{:.1}'>{}</text>",
            x + 20.0,
            x + 26.0,
            y + 4.0,
            escaped(label)
        );
        x += width;
    }
    text + body + "</svg>\n"
}

fn legend_width(label: &str) -> f64 {
    46.0 + label.chars().count() as f64 * 6.9
}

fn legend_height(legend: &[(&str, usize)]) -> f64 {
    let (mut x, mut lines) = (12.0, if legend.is_empty() { 0.0 } else { 1.0 });
    for (label, _) in legend {
        let width = legend_width(label);
        if x + width > WIDTH - 12.0 {
            (x, lines) = (12.0, lines + 1.0);
        }
        x += width;
    }
    lines * LEGEND_LINE
}

/// A quarter of a round number at or above the highest value.
fn round_step(highest: f64) -> f64 {
    if highest <= 0.0 {
        return 1.0;
    }
    let magnitude = 10f64.powf((highest / 4.0).log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0].map(|step| step * magnitude);
    steps.into_iter().find(|step| step * 4.0 >= highest).unwrap_or(10.0 * magnitude)
}

/// A number as a reader wants it: `1,234`, `12.3`, `0.45`.
pub(crate) fn number_text(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => 0,
        size if size >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let (sign, whole) = if let Some(whole) = whole.strip_prefix('-') { ("-", whole) } else { ("", whole) };
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\'', "&#39;").replace('"', "&quot;")
}

/// What tests of charts need.
#[cfg(test)]
pub(crate) mod xml {
    /// Whether every element is closed in its order, every attribute is quoted, and no figure is none.
    pub(crate) fn check(text: &str) {
        let mut open: Vec<&str> = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find('<') {
            assert!(!rest[..begin].contains('>'), "a stray > before {:?}", &rest[begin..]);
            let end = begin + rest[begin..].find('>').expect("an element ends");
            let tag = &rest[begin + 1..end];
            rest = &rest[end + 1..];
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap();
            assert!(tag.matches('\'').count().is_multiple_of(2), "{tag}");
            assert!(!tag.contains("NaN") && !tag.contains("inf"), "{tag}");
            if tag.starts_with('/') {
                assert_eq!(open.pop(), Some(name), "closed in order");
            } else if !tag.ends_with('/') {
                open.push(name);
            }
            if name == "style" && !tag.starts_with('/') {
                rest = &rest[rest.find("</style").expect("the style ends")..];
            }
        }
        assert!(open.is_empty(), "left open: {open:?}");
        assert!(rest.trim().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_set_for_readers() {
        let cases = [
            (1234567.0, "1,234,567"),
            (999.6, "1,000"),
            (12.34, "12.3"),
            (0.456, "0.46"),
            (7.0, "7"),
            (-1234.0, "-1,234"),
        ];
        for (value, text) in cases {
            assert_eq!(number_text(value), text);
        }
    }

    #[test]
    fn the_axis_ends_at_a_round_number() {
        for (highest, step) in [(1000.0, 250.0), (901.0, 250.0), (3.0, 0.75), (0.0, 1.0), (4.1, 1.5)] {
            assert_eq!(round_step(highest), step, "{highest}");
        }
    }

    #[test]
    fn charts_are_well_formed() {
        let bar = |parts: Vec<(f64, usize)>| Bar { label: "a & b".to_owned(), parts, value: "<1>".to_owned() };
        let group = Group { label: "it's".to_owned(), bars: vec![bar(vec![(1.0, 0), (2.0, 1)]), bar(vec![])] };
        let drawn = bars("A \"title\"", "unit", &[("one", 0), ("two", 1)], &[group]);
        xml::check(&drawn);
        assert!(drawn.contains("a &amp; b") && drawn.contains("&lt;1&gt;"));
        let line = Line { label: "x".to_owned(), colour: 2, dashed: true, points: vec![(1.0, 5.0), (1000.0, 9.0)] };
        xml::check(&lines("t", "u", "x", &[line]));
        xml::check(&lines("no points", "u", "x", &[]));
        xml::check(&bars("no bars", "u", &[], &[]));
    }
}
