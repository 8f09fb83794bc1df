//! Lines over named places, on a logarithmic scale.

use super::{COLOURS, GRID, escaped, picture, short};
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
/// Room for the names behind the lines.
const RIGHT: f64 = 300.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 44.0;
/// The least distance of two names.
const NAME: f64 = 17.0;

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What stands behind it.
    pub name: String,
    /// One for each place; none where nothing was measured.
    pub values: Vec<Option<f64>>,
}

/// All of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Lines {
    /// Above them.
    pub title: String,
    /// What the scale counts.
    pub unit: String,
    /// From left to right.
    pub places: Vec<String>,
    /// The lines, ours first.
    pub lines: Vec<Line>,
}

/// From a value to its height: whole powers of ten at both ends.
struct Scale {
    low: f64,
    high: f64,
}

impl Lines {
    /// As SVG.
    pub fn svg(&self) -> String {
        let scale = Scale::over(self.lines.iter().flat_map(|line| line.values.iter().flatten().copied()));
        let mut body = self.axes(&scale);
        let mut names = Vec::new();
        for (index, line) in self.lines.iter().enumerate() {
            let colour = COLOURS[index % COLOURS.len()];
            let points: Vec<(f64, f64)> = self.points(line, &scale);
            let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let width = if index == 0 { 3 } else { 2 };
            let _ = writeln!(
                body,
                "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>",
                path.join(" ")
            );
            for (x, y) in &points {
                let _ = writeln!(body, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>");
            }
            if let (Some((x, y)), Some(last)) = (points.last(), line.values.iter().flatten().last()) {
                names.push((*x, *y, colour, format!("{}: {}", line.name, short(*last))));
            }
        }
        body += &spread_names(names);
        picture(WIDTH, HEIGHT, &self.title, &body)
    }

    fn x(&self, place: usize) -> f64 {
        let gaps = self.places.len().saturating_sub(1).max(1) as f64;
        LEFT + 20.0 + (WIDTH - LEFT - RIGHT - 20.0) * place as f64 / gaps
    }

    fn points(&self, line: &Line, scale: &Scale) -> Vec<(f64, f64)> {
        let known = line.values.iter().enumerate().filter_map(|(place, value)| Some((place, (*value)?)));
        known.map(|(place, value)| (self.x(place), scale.y(value))).collect()
    }

    fn axes(&self, scale: &Scale) -> String {
        let mut body = format!("<text x=\"12\" y=\"44\" font-size=\"11\">{}</text>\n", escaped(&self.unit));
        let right = WIDTH - RIGHT + 10.0;
        for value in scale.powers() {
            let y = scale.y(value);
            let _ = writeln!(
                body,
                "<line x1=\"{LEFT}\" y1=\"{y:.1}\" x2=\"{right}\" y2=\"{y:.1}\" stroke=\"{GRID}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 8.0,
                y + 4.5,
                short(value)
            );
        }
        for (index, place) in self.places.iter().enumerate() {
            let _ = writeln!(
                body,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                self.x(index),
                HEIGHT - 18.0,
                escaped(place)
            );
        }
        body
    }
}

impl Scale {
    fn over(values: impl Iterator<Item = f64>) -> Scale {
        let known: Vec<f64> = values.filter(|value| *value > 0.0).collect();
        let least = known.iter().copied().fold(f64::INFINITY, f64::min);
        let most = known.iter().copied().fold(0.0, f64::max);
        if known.is_empty() {
            return Scale { low: 0.0, high: 1.0 };
        }
        let (low, high) = (least.log10().floor(), most.log10().ceil());
        Scale { low, high: high.max(low + 1.0) }
    }

    /// What is 0 lies on the ground, as a logarithm has no place for it.
    fn y(&self, value: f64) -> f64 {
        let share = (value.max(f64::MIN_POSITIVE).log10().max(self.low) - self.low) / (self.high - self.low);
        HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
    }

    fn powers(&self) -> Vec<f64> {
        let steps = (self.high - self.low) as usize;
        (0..=steps).map(|step| 10_f64.powf(self.low + step as f64)).collect()
    }
}

/// The names, moved apart where their lines end close together.
fn spread_names(mut names: Vec<(f64, f64, &str, String)>) -> String {
    names.sort_by(|one, other| one.1.total_cmp(&other.1));
    let mut least = TOP;
    let mut body = String::new();
    for (x, y, colour, name) in names {
        let at = y.max(least);
        least = at + NAME;
        let _ = writeln!(
            body,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            x + 12.0,
            at + 4.5,
            escaped(&name)
        );
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(values: Vec<Vec<Option<f64>>>) -> String {
        let lines = values.into_iter().map(|values| Line { name: "l".to_owned(), values }).collect();
        let places = ["p50", "p99"].map(str::to_owned).into();
        Lines { title: "t".to_owned(), unit: "ms".to_owned(), places, lines }.svg()
    }

    #[test]
    fn a_power_of_ten_is_a_line_of_the_grid() {
        let scale = Scale::over([2.0, 300.0].into_iter());
        assert_eq!(scale.powers(), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!((scale.y(1.0), scale.y(1000.0)), (HEIGHT - BOTTOM, TOP));
        assert_eq!(scale.y(0.0), HEIGHT - BOTTOM);
    }

    #[test]
    fn what_was_not_measured_is_no_point() {
        let svg = lines(vec![vec![Some(1.0), None], vec![None, None]]);
        assert_eq!(svg.matches("<circle").count(), 1, "{svg}");
        assert!(svg.contains("points=\"\""), "{svg}");
    }

    #[test]
    fn names_of_lines_that_end_together_do_not_overlap() {
        let svg = spread_names(vec![(0.0, 100.0, "c", "a".to_owned()), (0.0, 101.0, "c", "b".to_owned())]);
        assert!(svg.contains("y=\"104.5\"") && svg.contains("y=\"121.5\""), "{svg}");
    }
}
